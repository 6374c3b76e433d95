/** Pages that come back to a cluster, and the steps of a random schedule: what each does, and what must be true after all of them. */

import assert from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../sidecar/testing/eventually.ts";
import type { Random } from "../../../sidecar/testing/random.ts";
import { connectRedis } from "../../../sidecar/testing/redis/redis-client.ts";
import type { RedisServer } from "../../../sidecar/testing/redis/redis-server.ts";
import type { TcpProxy } from "../../../sidecar/testing/tcp-proxy.ts";
import type { Client } from "../../cluster/support/client.ts";
import { eventsOf, redisAt, untilDelivered, type Scope } from "../../cluster/support/cluster.ts";
import { drawStep } from "../../cluster/support/draw.ts";
import { assertInOrder, type Publication } from "../../cluster/support/model.ts";
import type { ClusterNode } from "../../cluster/support/node.ts";

export type Mode = "orderly" | "all";

const channels = ["news", "sport", "private-orders", "cache-weather"];
const pageCount = 8;

/** A page with a token of its own, over all of its connections. */
interface Page {
  readonly token: string;
  /** Channel → the moment at which it was subscribed for the first time. */
  readonly since: Map<string, number>;
  readonly clients: Client[];
  /** Where it is; null: it is away. */
  at: { readonly slot: Slot; readonly client: Client } | null;
}

interface Slot {
  readonly proxy: TcpProxy;
  readonly start: () => Promise<ClusterNode>;
  node: ClusterNode | null;
}

export async function playReturns(
  scope: Scope,
  { mode, random, stepCount }: { mode: Mode; random: Random; stepCount: number },
): Promise<void> {
  const stage = await createStage(scope, mode, random);
  const taken: string[] = [];
  const startMs = performance.now();
  try {
    for (let i = 0; i < stepCount; i += 1) {
      const [name, step] = stage.next();
      const atMs = Math.round(performance.now() - startMs);
      taken.push(`${atMs} ${name}`);
      taken.push(`${taken.pop()} ${await step.run()}`);
      await sleep(random.below(60));
    }
    taken.push(`${Math.round(performance.now() - startMs)} mend`);
    await stage.mend();
    stage.check();
  } catch (error) {
    throw new Error(`it went wrong after these steps:\n${taken.join("\n")}`, { cause: error });
  }
}

async function createStage(scope: Scope, mode: Mode, random: Random) {
  const redis = await scope.redis();
  const slots: Slot[] = await Promise.all([0, 1, 2].map(() => createSlot(scope, redis, mode)));
  const looking = connectRedis({ after: (end: () => void) => scope.after(end) }, redis.port);
  const pages: Page[] = [];
  const publications: Publication[] = [];
  const underWay = new Set<Promise<void>>();
  let moments = 0;

  const running = () => slots.filter(({ node }) => node !== null);
  const away = () => pages.filter(({ at }) => at === null);
  const here = () => pages.filter(({ at }) => at !== null);
  const pagesAt = (slot: Slot) => pages.filter(({ at }) => at?.slot === slot);
  const nameOf = (page: Page) => `page ${pages.indexOf(page)}`;
  const placeOf = (slot: Slot | undefined) => `node ${slot && slots.indexOf(slot)}`;

  function publish(count: number, from: readonly Slot[]): void {
    for (let i = 0; i < count; i += 1) {
      const { node } = random.pick(from);
      const channel = random.pick(channels);
      const id = String(publications.length);
      const publication: Publication = {
        id,
        channel,
        sinceMoment: (moments += 1),
        takenMoment: null,
      };
      publications.push(publication);
      const publishing = (async () => {
        const answer = await node?.api.publish(channel, id).catch(() => undefined);
        if (answer?.status === 200) publication.takenMoment = moments += 1;
      })();
      underWay.add(publishing);
      void publishing.finally(() => underWay.delete(publishing));
    }
  }

  async function comeBack(page: Page, to: Slot): Promise<void> {
    if (!to.node) throw new Error("it is not there");
    // As a load balancer does, which sends nobody to a node without Redis.
    await to.node.untilReady();
    const client = await scope.client(to.node, page.token);
    page.clients.push(client);
    page.at = { slot: to, client };
    await Promise.all([...page.since.keys()].map((channel) => client.subscribe(channel)));
  }

  async function join(page: Page, channel: string): Promise<void> {
    if (page.since.has(channel)) return;
    await page.at?.client.subscribe(channel);
    page.since.set(channel, (moments += 1));
  }

  /** Until Redis has all that its connection would leave: before that nobody promises anything of a cut. */
  async function untilStored({ at, since }: Page): Promise<void> {
    if (!at || since.size === 0) return;
    await at.slot.node?.untilReady();
    await until("what an open page would leave", async () => {
      const keys = await looking.keys("*open:*");
      const stored = (await Promise.all(keys.map((key) => looking.hvals(key)))).flat();
      return stored.some((text) => {
        if (!text.startsWith("{")) return false;
        const seats: [string, ...unknown[]][] = JSON.parse(text).seats;
        const own = seats.filter((seat) => JSON.stringify(seat).includes(at.client.socketId));
        return [...since.keys()].every((channel) => own.some(([of]) => of === channel));
      });
    });
  }

  function cut(page: Page): void {
    page.at?.client.terminate();
    page.at = null;
  }

  async function end(slot: Slot, how: (node: ClusterNode) => Promise<unknown>): Promise<string> {
    const there = pagesAt(slot);
    const { node } = slot;
    if (!node) return "nobody";
    const closed = there.flatMap(({ at }) => at?.client.closed ?? []);
    const ending = how(node);
    slot.node = null;
    await Promise.all(closed);
    for (const page of there) page.at = null;
    // Some are back before it has ended.
    for (const page of there) if (random.chance(0.5)) await comeBack(page, random.pick(running()));
    await ending;
    return placeOf(slot);
  }

  async function sleepFor(slot: Slot): Promise<string> {
    const { node } = slot;
    const others = running().filter((other) => other !== slot);
    if (!node || others.length === 0) return "nobody";
    // Who is still coming back, when its node falls asleep, may get a gap.
    for (const page of pagesAt(slot)) await untilStored(page);
    const leaving = pagesAt(slot).filter(() => random.chance(0.5));
    const ms = 200 + random.below(3_000);
    process.kill(node.pid, "SIGSTOP");
    try {
      publish(3, others);
      for (const page of leaving) cut(page);
      await Promise.all([sleep(ms), ...leaving.map((page) => comeBack(page, random.pick(others)))]);
      publish(3, others);
    } finally {
      process.kill(node.pid, "SIGCONT");
    }
    return `${placeOf(slot)} for ${ms} ms, left by ${leaving.map(nameOf).join(", ")}`;
  }

  interface Step {
    readonly weight: number;
    readonly isPossible: () => boolean;
    readonly run: () => Promise<string> | string;
  }
  const canLose = () => running().length > 1;
  const cuts: Readonly<Record<string, Step>> = {
    cut: {
      weight: 6,
      isPossible: () => here().length > 0,
      async run() {
        const page = random.pick(here());
        await untilStored(page);
        cut(page);
        return nameOf(page);
      },
    },
    move: {
      weight: 8,
      isPossible: () => here().length > 0,
      async run() {
        const page = random.pick(here());
        const from = page.at?.slot;
        const to = random.pick(running());
        await untilStored(page);
        const isCut = random.chance(0.7);
        const before = page.at?.client;
        if (isCut) cut(page);
        publish(2, running());
        await comeBack(page, to);
        before?.terminate();
        return `${nameOf(page)} from ${placeOf(from)} to ${placeOf(to)}${isCut ? "" : ", its old connection is open"}`;
      },
    },
    kill: {
      weight: 3,
      isPossible: canLose,
      async run() {
        const slot = random.pick(running());
        for (const page of pagesAt(slot)) await untilStored(page);
        publish(3, running());
        return end(slot, (node) => node.kill());
      },
    },
    sleep: { weight: 3, isPossible: canLose, run: () => sleepFor(random.pick(running())) },
  };
  const steps: Readonly<Record<string, Step>> = {
    open: {
      weight: 8,
      isPossible: () => pages.length < pageCount,
      async run() {
        const token = `page-${String(pages.length).padStart(16, "0")}`;
        const page: Page = { token, since: new Map(), clients: [], at: null };
        pages.push(page);
        await comeBack(page, random.pick(running()));
        await join(page, random.pick(channels));
        return `${nameOf(page)} at ${placeOf(page.at?.slot)}`;
      },
    },
    join: {
      weight: 8,
      isPossible: () => here().length > 0,
      async run() {
        const page = random.pick(here());
        const channel = random.pick(channels);
        await join(page, channel);
        return `${nameOf(page)}, ${channel}`;
      },
    },
    publish: {
      weight: 20,
      isPossible: () => true,
      run() {
        const count = 1 + random.below(5);
        publish(count, running());
        return String(count);
      },
    },
    comeBack: {
      weight: 12,
      isPossible: () => away().length > 0,
      async run() {
        const page = random.pick(away());
        const to = random.pick(running());
        await comeBack(page, to);
        return `${nameOf(page)} to ${placeOf(to)}`;
      },
    },
    stop: {
      weight: 4,
      isPossible: canLose,
      run: () => end(random.pick(running()), (node) => node.stop()),
    },
    start: {
      weight: 10,
      isPossible: () => running().length < slots.length,
      async run() {
        const slot = slots.find(({ node }) => node === null);
        if (slot) slot.node = await slot.start();
        return placeOf(slot);
      },
    },
    slow: {
      weight: 3,
      isPossible: () => true,
      run() {
        const slot = random.pick(slots);
        const ms = random.below(150);
        slot.proxy.delay(ms);
        return `${placeOf(slot)} by ${ms} ms`;
      },
    },
    ...(mode === "all" ? cuts : {}),
  };

  return {
    next: () => drawStep(random, steps, ({ isPossible }) => isPossible()),

    /** All nodes are there, all pages are back, and what was published has come. */
    async mend(): Promise<void> {
      for (const { proxy } of slots) proxy.delay(0);
      for (const slot of slots) slot.node ??= await slot.start();
      for (const page of away()) await comeBack(page, random.pick(slots));
      await Promise.all(underWay);
      const [node] = slots.flatMap((slot) => slot.node ?? []);
      assert.ok(node);
      for (const channel of channels) {
        const clients = pages.flatMap(({ since, at }) =>
          since.has(channel) && at ? at.client : [],
        );
        await untilDelivered(node, channel, clients);
      }
    },

    check(): void {
      const known = new Map(publications.map((publication) => [publication.id, publication]));
      for (const page of pages) {
        for (const [channel, since] of page.since) {
          const what = `${nameOf(page)} on ${channel}`;
          const came = page.clients.map((client) => eventsOf(client, channel));
          for (const own of came) {
            assert.equal(
              new Set(own).size,
              own.length,
              `${what}: something came twice, ${storyOf(page, channel)}`,
            );
            assertInOrder(
              own.flatMap((id) => known.get(id) ?? []),
              what,
            );
          }
          const seen = new Set(came.flat());
          const isOwed = ({ channel: of, sinceMoment, takenMoment }: Publication) =>
            of === channel && takenMoment !== null && sinceMoment > since;
          const missing = publications.filter(isOwed).filter(({ id }) => !seen.has(id));
          assert.deepEqual(missing, [], `${what}: missed, ${storyOf(page, channel)}`);
          const hasGap = page.clients.some(({ received }) =>
            received.some(({ event, channel: of }) => event === "pogo:gap" && of === channel),
          );
          assert.ok(!hasGap, `${what}: a gap, ${storyOf(page, channel)}`);
          if (mode === "all" || channel.startsWith("cache-")) continue;
          assert.equal(seen.size, came.flat().length, `${what}: twice, ${storyOf(page, channel)}`);
        }
      }
    },
  };
}

/** What has come over each of its connections. */
function storyOf({ clients }: Page, channel: string): string {
  const stories = clients.map(({ received }) =>
    received
      .filter((message) => message.channel === channel)
      .map(({ event, data }) => `${event} ${JSON.stringify(data)}`)
      .join(", "),
  );
  return ["what came over each connection:", ...stories].join("\n");
}

async function createSlot(scope: Scope, redis: RedisServer, mode: Mode): Promise<Slot> {
  const proxy = await scope.proxy(redis.port);
  const env = {
    ...redisAt(proxy.port),
    POGO_RECOVERY: mode,
    POGO_DRAIN_WINDOW: "200ms",
    POGO_SHUTDOWN_TIMEOUT: "5s",
  };
  const start = () => scope.node(env);
  return { proxy, start, node: await start() };
}
