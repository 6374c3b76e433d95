/** Three nodes, each behind a proxy of its own, or three workers behind one, and one Redis: the steps of a random schedule, and what each does to the model. */

import { setTimeout as sleep } from "node:timers/promises";
import process from "node:process";
import type { Random } from "../../../sidecar/testing/random.ts";
import type { RedisServer } from "../../../sidecar/testing/redis/redis-server.ts";
import type { TcpProxy } from "../../../sidecar/testing/tcp-proxy.ts";
import { redisAt, untilDelivered, type Kind, type Scope } from "./cluster.ts";
import { drawStep } from "./draw.ts";
import { isPresence, Model, type Visitor } from "./model.ts";
import { leaseMs, type ClusterNode } from "./node.ts";

interface Link {
  readonly proxy: TcpProxy;
  state: "whole" | "slow" | "cut" | "blackhole";
}

interface Slot {
  /** To Redis; workers have one together. */
  readonly link: Link;
  /** Resolves once the node is ready: workers are started by their supervisor. */
  readonly start: () => Promise<ClusterNode>;
  /** Null: killed, and not started again yet. */
  node: ClusterNode | null;
}

export interface World {
  readonly slots: readonly Slot[];
  readonly redis: RedisServer;
  /** @default false; the first node is never killed, so that it grows old */
  readonly isFirstKept: boolean;
  isRedisUp: boolean;
}

export const channels = ["news", "sport", "presence-hall", "presence-yard"];
const users = ["ada", "bea", "cleo", "dora"];
const maxVisitors = 16;

export async function createWorld(
  scope: Scope,
  { kind = "nodes", isFirstKept = false }: { kind?: Kind; isFirstKept?: boolean } = {},
): Promise<World> {
  const redis = await scope.redis({ isPersistent: true });
  return { slots: await createSlots[kind](scope, redis), redis, isFirstKept, isRedisUp: true };
}

const createSlots: Readonly<Record<Kind, (scope: Scope, redis: RedisServer) => Promise<Slot[]>>> = {
  nodes(scope, redis) {
    const create = async (): Promise<Slot> => {
      const link = await createLink(scope, redis);
      const start = () => scope.node(redisAt(link.proxy.port));
      return { link, start, node: await start() };
    };
    return Promise.all([create(), create(), create()]);
  },
  async workers(scope, redis) {
    const link = await createLink(scope, redis);
    const { nodes, worker } = await scope.threeWorkers(redisAt(link.proxy.port));
    const startAt = (index: number) => async () => {
      const node = await worker(index + 1);
      await node.untilReady();
      return node;
    };
    return nodes.map((node, index) => ({ link, start: startAt(index), node }));
  },
};

async function createLink(scope: Scope, redis: RedisServer): Promise<Link> {
  return { proxy: await scope.proxy(redis.port), state: "whole" };
}

interface Play {
  readonly scope: Scope;
  readonly world: World;
  readonly model: Model;
  readonly random: Random;
  /** Publishes that were not answered yet. */
  readonly underWay: Set<Promise<void>>;
}

interface Step {
  readonly weight: number;
  readonly isPossible: (play: Play) => boolean;
  /** Returns what was done, for the log. */
  readonly run: (play: Play) => Promise<string>;
}

const running = ({ world }: Play): number[] =>
  [...world.slots.keys()].filter((slot) => world.slots[slot]?.node);
const isWhole = ({ world }: Play): boolean =>
  world.slots.every(({ link: { state } }) => state === "whole" || state === "slow");
const hasVisitors = ({ model }: Play): boolean =>
  [...model.visitors].some(({ isAnchor }) => !isAnchor);
/** One that may leave. */
const pickVisitor = ({ model, random }: Play): Visitor =>
  random.pick([...model.visitors].filter(({ isAnchor }) => !isAnchor));

function slotOf({ world }: Play, index: number): Slot {
  const slot = world.slots[index];
  if (!slot) throw new Error(`no slot ${index}`);
  return slot;
}

const steps: Readonly<Record<string, Step>> = {
  connect: {
    weight: 14,
    isPossible: ({ model }) => model.visitors.size < maxVisitors,
    run: async (play) => {
      const { scope, model, random } = play;
      const slot = random.pick(running(play));
      const { node } = slotOf(play, slot);
      if (!node) return "nowhere";
      const client = await scope.client(node);
      const visitor = {
        slot,
        client,
        userId: random.pick(users),
        channels: new Map<string, number>(),
      };
      model.visitors.add(visitor);
      const channel = random.pick(channels);
      await subscribe(play, visitor, channel);
      return `${visitor.userId} to ${slot}, ${channel}`;
    },
  },
  subscribe: {
    weight: 10,
    isPossible: hasVisitors,
    run: async (play) => {
      const visitor = pickVisitor(play);
      const channel = play.random.pick(channels);
      if (!visitor.channels.has(channel)) await subscribe(play, visitor, channel);
      return `${visitor.userId} at ${visitor.slot}, ${channel}`;
    },
  },
  unsubscribe: {
    weight: 5,
    isPossible: hasVisitors,
    run: async (play) => {
      const visitor = pickVisitor(play);
      const [channel] = visitor.channels.keys();
      if (channel === undefined) return "from nothing";
      visitor.channels.delete(channel);
      visitor.client.unsubscribe(channel);
      await visitor.client.roundTrip();
      return `${visitor.userId} at ${visitor.slot}, ${channel}`;
    },
  },
  leave: {
    weight: 7,
    isPossible: hasVisitors,
    run: async (play) => {
      const visitor = pickVisitor(play);
      play.model.visitors.delete(visitor);
      const isDropped = play.random.chance(0.5);
      if (isDropped) visitor.client.terminate();
      else await visitor.client.close();
      return `${visitor.userId} from ${visitor.slot}${isDropped ? ", dropped" : ""}`;
    },
  },
  publish: {
    weight: 24,
    isPossible: () => true,
    run: async (play) => {
      const count = 1 + play.random.below(5);
      for (let i = 0; i < count; i++) publish(play);
      return String(count);
    },
  },
  kill: {
    weight: 3,
    isPossible: (play) => running(play).length > 1,
    run: (play) => end(play, (node) => node.kill()),
  },
  stop: {
    weight: 1,
    isPossible: (play) => running(play).length > 1,
    run: (play) => end(play, (node) => node.stop()),
  },
  start: {
    weight: 8,
    isPossible: (play) => play.world.isRedisUp && running(play).length < play.world.slots.length,
    run: async (play) => {
      const index = play.world.slots.findIndex(({ node }) => !node);
      const slot = slotOf(play, index);
      // What was taken before a node has come to Redis for the first time, it can't know of.
      await heal(slot);
      slot.node = await slot.start();
      return String(index);
    },
  },
  sleep: {
    weight: 2,
    isPossible: () => true,
    run: async (play) => {
      const index = play.random.pick(running(play));
      const { node } = slotOf(play, index);
      const ms = 200 + play.random.below(leaseMs);
      if (!node) return "nobody";
      play.model.disturb(index);
      const signal = (name: "SIGSTOP" | "SIGCONT") => () => void process.kill(node.pid, name);
      await freeze(signal("SIGSTOP"), signal("SIGCONT"), ms);
      return `${index} for ${ms} ms`;
    },
  },
  break: {
    weight: 7,
    isPossible: ({ world }) => world.isRedisUp,
    run: async (play) => {
      const index = play.random.below(play.world.slots.length);
      const { link } = slotOf(play, index);
      const state = play.random.pick(["cut", "cut", "blackhole", "slow"] as const);
      if (link.state !== "whole") return "broken already";
      link.state = state;
      if (state === "slow") {
        link.proxy.delay(20 + play.random.below(150));
        return `slow ${index}`;
      }
      for (const [other, slot] of play.world.slots.entries()) {
        if (slot.link === link) play.model.disturb(other);
      }
      await link.proxy[state]();
      return `${state} ${index}`;
    },
  },
  heal: {
    weight: 9,
    isPossible: (play) => play.world.slots.some(({ link }) => link.state !== "whole"),
    run: async (play) => {
      const broken = [...play.world.slots.keys()].filter(
        (index) => slotOf(play, index).link.state !== "whole",
      );
      const index = play.random.pick(broken);
      await heal(slotOf(play, index));
      return String(index);
    },
  },
  pauseRedis: {
    weight: 2,
    isPossible: ({ world }) => world.isRedisUp,
    run: async (play) => {
      const ms = 200 + play.random.below(2_500);
      for (let i = 0; i < 3; i++) publish(play);
      await freeze(
        () => play.world.redis.pause(),
        () => play.world.redis.resume(),
        ms,
      );
      return `for ${ms} ms`;
    },
  },
  stopRedis: {
    weight: 3,
    isPossible: (play) => play.world.isRedisUp && isWhole(play),
    run: async (play) => {
      // What a cut node did not read yet would be lost with Redis: that is what Redis is trusted with, and not tested.
      await untilReady(play);
      // Whom nothing happens to is no news to anybody: one user a node, who is there from now on.
      for (const slot of running(play)) await anchor(play, slot);
      play.world.isRedisUp = false;
      await play.world.redis.stop();
      return "";
    },
  },
  startRedis: {
    weight: 25,
    isPossible: ({ world }) => !world.isRedisUp,
    run: async (play) => {
      const isEmpty = play.random.chance(0.5);
      await play.world.redis.restart({ empty: isEmpty });
      play.world.isRedisUp = true;
      return isEmpty ? "empty" : "as it was";
    },
  },
};

/** Runs a schedule, mends everything, and checks what is left against the model. @throws with the steps that were taken */
export async function playSchedule(
  scope: Scope,
  world: World,
  { random, stepCount }: { random: Random; stepCount: number },
): Promise<void> {
  const play: Play = { scope, world, model: new Model(), random, underWay: new Set() };
  const taken: string[] = [];
  const startMs = performance.now();
  try {
    for (let i = 0; i < stepCount; i++) {
      const [name, step] = drawStep(random, steps, (step) => step.isPossible(play));
      const atMs = Math.round(performance.now() - startMs);
      taken.push(`${atMs} ${name}`);
      taken.push(`${taken.pop()} ${await step.run(play)}`);
      await sleep(random.below(100));
    }
    taken.push(`${Math.round(performance.now() - startMs)} mend`);
    await mend(play);
    await checkAll(play);
  } catch (error) {
    throw new Error(`it went wrong after these steps:\n${taken.join("\n")}`, { cause: error });
  } finally {
    for (const { client } of play.model.visitors) client.terminate();
  }
}

async function anchor(play: Play, slot: number): Promise<void> {
  const { node } = slotOf(play, slot);
  if (!node) return;
  const channels = new Map<string, number>();
  const visitor: Visitor = {
    slot,
    client: await play.scope.client(node),
    userId: `steady ${play.model.moment()}`,
    channels,
    isAnchor: true,
  };
  play.model.visitors.add(visitor);
  for (const channel of ["presence-hall", "presence-yard"]) await subscribe(play, visitor, channel);
}

async function mend(play: Play): Promise<void> {
  const { world, underWay } = play;
  if (!world.isRedisUp) await world.redis.restart();
  world.isRedisUp = true;
  for (const slot of world.slots) {
    await heal(slot);
    slot.node ??= await slot.start();
  }
  await untilReady(play);
  await Promise.all(underWay);
}

async function checkAll({ world, model }: Play): Promise<void> {
  const nodes = world.slots.flatMap(({ node }) => node ?? []);
  await model.untilListsAreRight();
  const [first] = nodes;
  if (!first) throw new Error("there is no node");
  for (const channel of channels) {
    await untilDelivered(
      first,
      channel,
      model.subscribers(channel).map(({ client }) => client),
    );
  }
  model.checkClients();
  await model.checkApi(nodes, channels);
}

async function subscribe({ model }: Play, visitor: Visitor, channel: string): Promise<void> {
  if (isPresence(channel)) await visitor.client.join(channel, visitor.userId);
  else await visitor.client.subscribe(channel);
  visitor.channels.set(channel, model.moment());
}

/** Not waited for. */
function publish(play: Play): void {
  const { model, random, underWay } = play;
  const { node } = slotOf(play, random.pick(running(play)));
  const publication = model.publishing(random.pick(channels));
  const publishing = (async () => {
    try {
      const answer = await node?.api.publish(publication.channel, publication.id);
      if (answer?.status === 200) publication.takenMoment = model.moment();
    } catch {
      // The node was killed over it.
    }
  })();
  underWay.add(publishing);
  void publishing.finally(() => underWay.delete(publishing));
}

async function end(play: Play, how: (node: ClusterNode) => Promise<unknown>): Promise<string> {
  const index = play.random.pick(
    running(play).filter((slot) => slot > 0 || !play.world.isFirstKept),
  );
  const slot = slotOf(play, index);
  const { node } = slot;
  play.model.disturb(index);
  const gone = play.model.at(index);
  for (const visitor of gone) play.model.visitors.delete(visitor);
  slot.node = null;
  if (node) await how(node);
  await Promise.all(gone.map(({ client }) => client.closed));
  return String(index);
}

async function heal({ link }: Slot): Promise<void> {
  link.proxy.delay(0);
  await link.proxy.heal();
  link.state = "whole";
}

async function untilReady({ world }: Play): Promise<void> {
  await Promise.all(world.slots.flatMap(({ node }) => node?.untilReady() ?? []));
}

async function freeze(begin: () => void, over: () => void, ms: number): Promise<void> {
  begin();
  try {
    await sleep(ms);
  } finally {
    over();
  }
}
