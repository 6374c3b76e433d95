/** pusher-js 7 and 8 in Node, over two nodes, behind a line that breaks: the same as Echo, which stands on them. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import type { Cluster } from "../kit/fleet.ts";
import type { NumberedLoad } from "../kit/numbered.ts";
import type { Subscriber } from "../kit/subscriber.ts";
import { clusterStage, type Stage } from "./support/stage.ts";
import { assertContinuedOnce, assertFaultless, judgeAll } from "./support/verdicts.ts";

const channels = ["news", "private-orders"] as const;
/** pusher-js 7 gives up for good after its second unclean close within some minutes: each test has one. */
const libraries = ["pusher-js", "pusher-js-7"] as const;

describe("pusher-js 7 and 8 in Node", { skip: needsRedis() }, () => {
  let stage: Stage<Cluster>;
  let subscribers: readonly Subscriber[];
  let load: NumberedLoad;
  afterEach(() => stage?.end());

  async function start(env: Readonly<Record<string, string>>, impatienceMs?: number) {
    stage = await clusterStage(2, env);
    stage.fleet.prefer(0);
    subscribers = await Promise.all(
      libraries.map((library) => stage.subscriber({ library, channels, impatienceMs })),
    );
    load = stage.publish(channels);
    await load.untilTaken(40);
  }

  /** Resolves once all of them were away, and are back. */
  async function untilBack(fault: () => unknown): Promise<void> {
    const before = subscribers.map(({ absences }) => absences);
    await fault();
    const isBack = ({ absences, isBack }: Subscriber, index: number): boolean =>
      isBack && absences > (before[index] ?? 0);
    await until("all to be back", () => subscribers.every(isBack), 30_000);
    await load.untilTaken(20);
  }

  const verdictsOf = (subscriber: Subscriber) =>
    judgeAll(load, (channel) => subscriber.seen.get(channel) ?? []);

  async function assertNothingMissed(): Promise<void> {
    for (const subscriber of subscribers) {
      const verdicts = await verdictsOf(subscriber);
      for (const channel of channels) {
        assert.deepEqual(verdicts[channel]?.missed, []);
        assertContinuedOnce(subscriber.seen.get(channel) ?? []);
      }
    }
  }

  test("Y05: a drain: nothing is missed and nothing comes twice", async () => {
    await start({});
    await untilBack(() => stage.fleet.restartOne(0));
    for (const subscriber of subscribers) assertFaultless(await verdictsOf(subscriber));
    assert.deepEqual(load.failures, {});
  });

  test("Y07: a reset with POGO_RECOVERY=orderly is what it was: events are missed, and none comes twice", async () => {
    await start({});
    await untilBack(() => stage.fleet.line.reset());
    for (const subscriber of subscribers) {
      const verdicts = Object.values(await verdictsOf(subscriber));
      assert.ok(verdicts.every(({ missed }) => missed.length > 0));
      assert.ok(verdicts.every(({ doubled }) => doubled.length === 0));
    }
  });

  const cuts = {
    "a reset": () => stage.fleet.line.reset(),
    "a black hole of the lines that are open": () => stage.fleet.line.stall(),
    "a black hole of all lines, for a while": async () => {
      await stage.fleet.line.blackhole();
      await until("all to give it up", () => subscribers.every(({ isBack }) => !isBack), 30_000);
      await stage.fleet.line.heal();
    },
  };
  for (const [name, cut] of Object.entries(cuts)) {
    test(`Y17: ${name}: nothing is missed, and only the last of what had come comes twice`, async () => {
      await start({ POGO_RECOVERY: "all" }, 2_000);
      await untilBack(cut);
      await assertNothingMissed();
    });
  }

  test("Y21: a node is killed: nothing is missed, and only the last of what had come comes twice", async () => {
    await start({ POGO_RECOVERY: "all" });
    await load.untilTaken(60);
    stage.fleet.prefer(1);
    await untilBack(() => stage.fleet.kill(0));
    await assertNothingMissed();
  });
});
