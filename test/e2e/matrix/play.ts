/** Runs one cell of the clients' matrix: opens its clients, and afterwards closes them and looks for errors. */

import assert from "node:assert/strict";
import type { ClientFeature, Play } from "./client-features.ts";
import type { Client } from "./client.ts";
import type { ClientKind } from "./clients.ts";
import type { Stage } from "./stage.ts";

/** Resolves with what is left to do after a restart, for features that have one; the cell is over when that has resolved. */
export async function playCell(
  stage: Stage,
  kind: ClientKind,
  feature: ClientFeature,
): Promise<() => Promise<void>> {
  const cell = String(++cells);
  const clients: Client[] = [];
  const play: Play = {
    server: stage.server,
    own: (name) => `${name}-${cell}`,
    open: (who, options) => {
      const identity = who ?? { id: `guest-${cell}`, name: "Guest" };
      const client = kind.open({ ...stage.clientOptions(identity), ...options });
      clients.push(client);
      return client;
    },
  };
  const ended = async (part: Promise<unknown>): Promise<void> => {
    try {
      await part;
      const errors = clients.flatMap((client) => client.errors.all);
      if (feature.hasErrors !== true) assert.deepEqual(errors, []);
    } finally {
      for (const client of clients) client.close();
    }
  };

  if ("check" in feature) {
    await ended(feature.check(play));
    return async () => undefined;
  }
  try {
    const rest = await feature.acrossRestart(play);
    return () => ended(rest());
  } catch (error) {
    for (const client of clients) client.close();
    throw error;
  }
}

let cells = 0;
