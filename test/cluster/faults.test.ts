/** Random faults against a shadow model: see the README beside this file for how to replay a seed and run for longer. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { createRandom } from "../../sidecar/testing/random.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { createScope } from "./support/cluster.ts";
import { createWorld, playSchedule, type World } from "./support/world.ts";

/** Seeds that have found something, or that go through much: they always run. */
const keptSeeds = [2, 3, 12, 1_704_803_947];
const stepCount = 60;

const replayed = process.env["FAULT_SEED"];
const seedOfWorkers = Number(replayed ?? 2);
const minutes = Number(process.env["FAULT_MINUTES"] ?? 0);
const seeds = replayed === undefined ? [...keptSeeds, randomInt(2 ** 31)] : [Number(replayed)];

describe("random faults", { skip: needsRedis(), concurrency: 2 }, () => {
  for (const seed of seeds) {
    test(`FAULT_SEED=${seed}`, async (t) => {
      const scope = createScope();
      t.after(() => scope.end());
      const world = await createWorld(scope);
      await playSchedule(scope, world, { random: createRandom(seed), stepCount });
    });
  }

  // What may end otherwise: each is started again at once, on the same port, and all lose Redis together.
  test(`workers, FAULT_SEED=${seedOfWorkers}`, async (t) => {
    const scope = createScope();
    t.after(() => scope.end());
    const world = await createWorld(scope, { kind: "workers" });
    await playSchedule(scope, world, { random: createRandom(seedOfWorkers), stepCount });
  });
});

// By hand and on CI: a test that is left out for want of minutes would be no test.
if (minutes > 0) {
  describe("soak", { skip: needsRedis() }, () => {
    const limitMs = minutes * 60_000;

    test(
      `${minutes} minutes of faults: all is right after each round, and nothing grows`,
      { timeout: limitMs + 120_000 },
      async (t) => {
        const scope = createScope();
        t.after(() => scope.end());
        const world = await createWorld(scope, { isFirstKept: true });
        const untilMs = performance.now() + limitMs;
        const usage: Usage[] = [];
        for (
          let seed = Number(replayed ?? randomInt(2 ** 31));
          performance.now() < untilMs;
          seed++
        ) {
          const round = createScope();
          t.diagnostic(`FAULT_SEED=${seed}`);
          // Nodes outlive the round that started them, clients do not.
          await playSchedule({ ...scope, client: round.client }, world, {
            random: createRandom(seed),
            stepCount,
          });
          await round.end();
          const used = usageOf(world);
          usage.push(used);
          t.diagnostic(JSON.stringify(used));
        }
        // The first rounds fill what is filled once.
        const [early = usageOf(world), late = early] = [
          usage[Math.min(2, usage.length - 1)],
          usage.at(-1),
        ];
        assert.equal(late.links, early.links, "connections to Redis");
        assert.ok(
          late.handles <= early.handles + 10,
          `open handles: ${early.handles}, then ${late.handles}`,
        );
        assert.ok(
          late.residentMb < early.residentMb * 1.5 + 50,
          `MB: ${early.residentMb}, then ${late.residentMb}`,
        );
      },
    );
  });
}

interface Usage {
  readonly residentMb: number;
  readonly handles: number;
  /** Connections to Redis. */
  readonly links: number;
}

/** Of the node that is never killed. */
function usageOf({ slots }: World): Usage {
  const folder = `/proc/${slots[0]?.node?.pid}`;
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`${folder}/status`, "utf8")) ?? [];
  return {
    residentMb: Math.round(Number(kilobytes) / 1024),
    handles: readdirSync(`${folder}/fd`).length,
    links: slots[0]?.link.proxy.connections ?? 0,
  };
}
