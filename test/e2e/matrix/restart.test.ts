/** The cells of docs/compatibility.md across a restart: all clients see the same one, for pusher-js waits 15 s before its second try. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { clientFeatures } from "./client-features.ts";
import type { ClientFeature, ClientFeatureId } from "./client-features.ts";
import { clientKinds } from "./clients.ts";
import { playCell } from "./play.ts";
import { startStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

const cells = clientKinds.flatMap((kind) =>
  Object.entries<ClientFeature>(clientFeatures).flatMap(([id, feature]) =>
    "acrossRestart" in feature && kind.cannot[id as ClientFeatureId] === undefined
      ? [{ kind, feature }]
      : [],
  ),
);

describe("clients, across a restart", () => {
  let stage: Stage;
  /** What each cell has left to do; what failed before the restart fails in its own test. */
  let rests: PromiseSettledResult<() => Promise<void>>[] = [];
  before(async () => {
    stage = await startStage();
    rests = await Promise.allSettled(
      cells.map(({ kind, feature }) => playCell(stage, kind, feature)),
    );
    assert.deepEqual(await stage.restart(), { code: 0, signal: null });
  });
  after(() => stage?.stop());

  for (const [index, { kind, feature }] of cells.entries()) {
    test(`${kind.title}: ${feature.title}`, { timeout: 30_000 }, async () => {
      const rest = rests[index];
      if (rest?.status !== "fulfilled") throw rest?.reason;
      await rest.value();
    });
  }
});
