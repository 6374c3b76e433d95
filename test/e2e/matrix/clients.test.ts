/** The clients' half of docs/compatibility.md: each cell is a test, but those across a restart (restart.test.ts). */

import { after, before, describe, test } from "node:test";
import { clientFeatures } from "./client-features.ts";
import type { ClientFeature, ClientFeatureId } from "./client-features.ts";
import { clientKinds } from "./clients.ts";
import { playCell } from "./play.ts";
import { startStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

describe("clients", () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage?.stop());

  for (const kind of clientKinds) {
    for (const [id, feature] of Object.entries<ClientFeature>(clientFeatures)) {
      if ("acrossRestart" in feature || kind.cannot[id as ClientFeatureId] !== undefined) continue;
      test(`${kind.title}: ${feature.title}`, { timeout: 15_000 }, async () => {
        await playCell(stage, kind, feature);
      });
    }
  }
});
