/** Pages come back to nodes that are killed, stopped, slow and asleep, by random schedules. `FAULT_SEED` plays another one. */

import process from "node:process";
import { describe, test } from "node:test";
import { createRandom } from "../../sidecar/testing/random.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { createScope } from "../cluster/support/cluster.ts";
import { playReturns } from "./support/pages.ts";

const replayed = process.env["FAULT_SEED"];
/** These have found something. What a step meets depends on the machine's timing as well. */
const keptSeeds = [1, 21];
const seeds = replayed === undefined ? keptSeeds : [Number(replayed)];
const stepCount = 50;

describe("pages that come back, over random faults", { skip: needsRedis(), concurrency: 2 }, () => {
  for (const mode of ["orderly", "all"] as const) {
    for (const seed of seeds) {
      test(`Y05, Y17, Y19, Y21: ${mode}: they miss nothing, and nothing comes in another order (FAULT_SEED=${seed})`, async (t) => {
        const scope = createScope();
        t.after(() => scope.end());
        await playReturns(scope, { mode, random: createRandom(seed), stepCount });
      });
    }
  }
});
