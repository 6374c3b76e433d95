/** The servers' half of docs/compatibility.md: each cell is a test. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Client } from "./client.ts";
import { nativeClient } from "./native-client.ts";
import type { RunningServer } from "./server.ts";
import { serverFeatures } from "./server-features.ts";
import type { ServerFeature, ServerFeatureId } from "./server-features.ts";
import { serverKinds } from "./servers.ts";

for (const kind of serverKinds) {
  describe(kind.title, { skip: kind.lacks() }, () => {
    let running: RunningServer;
    before(async () => {
      running = await kind.start();
    });
    after(() => running?.stop());

    if (kind.version !== null) {
      test(`${kind.title} is the version that is installed`, () =>
        assert.equal(kind.installedVersion(), kind.version));
    }

    for (const [id, feature] of Object.entries<ServerFeature>(serverFeatures)) {
      if (kind.cannot[id as ServerFeatureId] !== undefined) continue;
      test(`${kind.title}: ${feature.title}`, { timeout: 15_000 }, () =>
        playCell(running, feature),
      );
    }
  });
}

async function playCell(
  { server, sidecar, webhooks }: RunningServer,
  feature: ServerFeature,
): Promise<void> {
  const clients: Client[] = [];
  // Who signs is the server: there is no endpoint to ask.
  const options = { ...sidecar, authEndpoint: "", userAuthEndpoint: "", bearerToken: "" };
  try {
    await feature.check({
      server,
      webhooks,
      cell: ++cells,
      open: (person) => {
        const client = nativeClient(options, server.signer(person));
        clients.push(client);
        return client;
      },
    });
    if (feature.hasErrors !== true) {
      assert.deepEqual(
        clients.flatMap(({ errors }) => errors.all),
        [],
      );
    }
  } finally {
    for (const client of clients) client.close();
  }
}

/** Three digits: no cell's number is the beginning of another's. */
let cells = 100;
