/**
 * Random schedules within narrow bounds: users who share browsers, log in and out and are terminated, at two apps that
 * know them by the same tokens. Whatever happens, nothing crosses from one to another, the bounds hold, and a channel is
 * sent all of what was missed in its order, or none of it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom, type Random } from "../../testing/random.ts";
import { sign } from "../signature.ts";
import { idle } from "../testing/doubles.ts";
import { createRecoveringNode, type RecoveringNode } from "../testing/recovering.ts";

const schedules = 150;
const steps = 150;
const appNames = ["a", "b"] as const;
const tokens = [
  { token: "page-1", isOfOnePage: true },
  { token: "page-2", isOfOnePage: true },
  { token: "browser-1", isOfOnePage: false },
  { token: "browser-2", isOfOnePage: false },
] as const;
const users = [null, "ada", "bea"] as const;
const channels = ["news", "private-orders", "presence-room", "private-cache-prices"] as const;

type Mode = "orderly" | "all";
interface Way {
  readonly mode: Mode;
  /** Sessions and what was missed are there later, as over Redis. */
  readonly isLater: boolean;
}
type User = (typeof users)[number];
type Bounds = ReturnType<typeof boundsOf>;

function boundsOf({ below }: Random) {
  return {
    windowMs: 5_000,
    maxEvents: 2 + below(5),
    maxBytes: 700 + below(2_000),
    totalEvents: 5 + below(12),
    totalBytes: 1_600 + below(5_000),
    maxSessions: 1 + below(3),
    maxSeats: 2 + below(8),
  };
}

/** One connection, and what it may be sent. */
class Tab {
  readonly user: User;
  readonly key: (typeof tokens)[number];
  readonly client: ReturnType<RecoveringNode["connect"]>;
  /** By channel: how many events had been published when it was subscribed. */
  readonly since = new Map<string, number>();
  /** When that was answered: from then on it is owed all. */
  readonly answered = new Map<string, number>();
  /** Since then, by channel. */
  readonly seen = new Map<string, number[]>();
  /** From its beginning on. */
  readonly received = new Set<number>();
  readonly gaps = new Set<string>();
  replayed = 0;
  isOpen = true;
  /** It is closed, and read to its end. */
  isGone = false;
  /** Its user was terminated: nothing of what it had may be given to anybody. */
  isOver = false;

  constructor(node: RecoveringNode, key: (typeof tokens)[number], user: User) {
    this.user = user;
    this.key = key;
    this.client = node.connect(key);
  }
}

/** One app at its node, and all that was ever published and connected there. */
class Stage {
  readonly #name: string;
  readonly #mode: Mode;
  readonly #bounds: Bounds;
  readonly node: RecoveringNode;
  readonly tabs: Tab[] = [];
  readonly #published: { readonly channel: string; readonly n: number }[] = [];

  /** What Redis has not answered so far, in its order. */
  readonly #waiting: (() => void)[] = [];

  constructor(name: string, { mode, isLater }: Way, bounds: Bounds) {
    this.#name = name;
    this.#mode = mode;
    this.#bounds = bounds;
    const later = (run: () => void): void => (isLater ? void this.#waiting.push(run) : run());
    this.node = createRecoveringNode({
      mode,
      ...bounds,
      later,
      readLater: later,
      enterLater: later,
    });
  }

  /** So many of the questions that wait are answered. */
  answer(count: number): void {
    for (const run of this.#waiting.splice(0, count)) run();
    this.#endClosed();
    this.#readAll();
  }

  get open(): readonly Tab[] {
    return this.tabs.filter(({ isOpen }) => isOpen);
  }

  publish(channel: string): void {
    const n = this.#published.length + 1;
    this.#published.push({ channel, n });
    this.node.publish(channel, `${this.#name}-${n}`);
    this.#readAll();
  }

  enter(key: (typeof tokens)[number], user: User): Tab {
    const tab = new Tab(this.node, key, user);
    this.#endClosed();
    this.tabs.push(tab);
    if (user !== null) {
      tab.since.set(ownChannel(user), this.#published.length);
      tab.client.write(signin(tab, user));
      this.#read(tab);
    }
    return tab;
  }

  async subscribe(tab: Tab, channel: string): Promise<void> {
    if (tab.since.has(channel) || (channel.startsWith("presence-") && tab.user === null)) return;
    tab.since.set(channel, this.#published.length);
    const member = channel.startsWith("presence-") ? `{"user_id":"${tab.user}"}` : undefined;
    tab.client.write(tab.client.signed(channel, member));
    await idle();
    this.#read(tab);
  }

  unsubscribe(tab: Tab, channel: string): void {
    tab.client.write({ event: "pusher:unsubscribe", data: { channel } });
    this.#read(tab);
    tab.since.delete(channel);
    tab.seen.delete(channel);
    tab.gaps.delete(channel);
  }

  close(tab: Tab, code: number): void {
    const { connection } = tab.client;
    const end = (): void => {
      this.#read(tab);
      this.node.hub.disconnect(connection, code);
      tab.isGone = true;
    };
    tab.isOpen = false;
    if (code === 4200) this.node.hub.suspend(connection, end);
    else end();
  }

  terminate(user: string): void {
    // What Redis is still asked for it looks through for terminations by itself, which this node's memory need not.
    this.answer(Number.POSITIVE_INFINITY);
    this.node.hub.terminateUser(user);
    for (const tab of this.tabs) if (tab.user === user) tab.isOver = true;
    this.#endClosed();
  }

  checkBounds(): void {
    const { maxEvents, maxBytes, totalEvents, totalBytes, maxSessions, maxSeats } = this.#bounds;
    const { events, sessions } = this.node.kept();
    const bytesOf = (some: typeof events): number =>
      some.reduce((sum, { event }) => sum + 2 * event.dataJson.length + 300, 0);
    assert.ok(events.length <= totalEvents && bytesOf(events) <= totalBytes);
    for (const own of Map.groupBy(events, ({ event }) => event.channel).values()) {
      assert.ok(own.length <= maxEvents && bytesOf(own) <= maxBytes);
    }
    assert.ok(new Set(sessions.map(([token]) => token)).size <= maxSessions);
    const seats = sessions.reduce((sum, [, { session }]) => sum + session.seats.size, 0);
    assert.ok(seats <= maxSeats);
  }

  /** The node has closed them: by a terminate, or since their page is here with another one. */
  #endClosed(): void {
    for (const tab of this.tabs) {
      const { closed } = tab.client.transport;
      if (!tab.isGone && closed) this.close(tab, closed.code);
    }
  }

  #readAll(): void {
    for (const tab of this.tabs) if (!tab.isGone) this.#read(tab);
  }

  #read(tab: Tab): void {
    for (const { event, channel } of tab.client.transport.take()) {
      const [name, of] = [String(event), String(channel)];
      if (name === "pogo:gap") {
        assert.ok(!tab.gaps.has(of) && !tab.seen.get(of)?.length, "a gap is all that is sent");
        tab.gaps.add(of);
      } else if (!name.startsWith("pusher")) {
        this.#check(tab, of, name);
      } else if (name.endsWith("_succeeded") || name.endsWith("signin_success")) {
        const answered = channel === undefined ? ownChannel(tab.user ?? "") : of;
        tab.answered.set(answered, this.#published.length);
      }
    }
    if (this.#mode === "all") return;
    for (const channel of tab.seen.keys()) this.#checkWhole(tab, channel);
  }

  #check(tab: Tab, channel: string, name: string): void {
    const [app, number] = name.split("-");
    const n = Number(number);
    const what = `${name} of ${channel} for ${tab.user} by ${tab.key.token}`;
    assert.equal(app, this.#name, what);
    assert.equal(this.#published[n - 1]?.channel, channel, what);
    const since = tab.since.get(channel);
    assert.ok(since !== undefined, `${what}, who is not in it`);
    const seen = tab.seen.get(channel) ?? [];
    tab.seen.set(channel, seen);
    const isLast = isCache(channel) && seen.length === 0 && n <= since;
    assert.ok(n > (seen.at(-1) ?? 0), `${what}, out of order`);
    seen.push(n);
    tab.received.add(n);
    if (n > since || (isLast && this.#isNewest(channel, n, since))) return;
    assert.ok(!tab.gaps.has(channel), `${what}, behind a gap`);
    assert.ok(this.#mayHaveMissed(tab, channel, n), `${what}, who never had it coming`);
    tab.replayed += 1;
    assert.ok(tab.replayed <= this.#bounds.maxEvents, `${what}, beyond the bound`);
    if (this.#mode === "all" || !tab.key.isOfOnePage) return;
    const before = this.#before(tab).some((other) => other.received.has(n));
    assert.ok(!before, `${what}, twice`);
  }

  /** Of a cache channel: the last one, which anybody gets. */
  #isNewest(channel: string, n: number, since: number): boolean {
    return this.#published.slice(n, since).every((event) => event.channel !== channel);
  }

  #before(tab: Tab): readonly Tab[] {
    const index = this.tabs.indexOf(tab);
    return this.tabs.slice(0, index).filter(({ key }) => key === tab.key);
  }

  /** Somebody with its token was in the channel by then who is not known to be another user. */
  #mayHaveMissed(tab: Tab, channel: string, n: number): boolean {
    return this.#before(tab).some(({ user, isOver, since }) => {
      const isOther = user !== null && tab.user !== null && user !== tab.user;
      return !isOver && !isOther && (since.get(channel) ?? Number.POSITIVE_INFINITY) < n;
    });
  }

  /** What it was sent of the past is the newest part of it, and what stands before that has been seen or was not owed. */
  #checkWhole(tab: Tab, channel: string): void {
    const since = tab.since.get(channel) ?? 0;
    const past = this.#published.filter((event) => event.channel === channel && event.n <= since);
    const sent = (tab.seen.get(channel) ?? []).filter((n) => n <= since);
    if (sent.length === 0 || (isCache(channel) && sent.length === 1)) return;
    assert.deepEqual(
      sent,
      past.slice(-sent.length).map(({ n }) => n),
      `a part of ${channel}`,
    );
    const last = past.at(-sent.length - 1)?.n ?? 0;
    const wasSeen = this.#before(tab).some(
      (other) => other.received.has(last) || (other.answered.get(channel) ?? -1) >= last,
    );
    assert.ok(wasSeen, `${channel} without ${last}`);
  }
}

const ownChannel = (user: string): string => `#server-to-user-${user}`;
const isCache = (channel: string): boolean => channel.includes("cache-");

function signin({ client }: Tab, id: string) {
  const userData = JSON.stringify({ id });
  const auth = `app-key:${sign("app-secret", `${client.socketId}::user::${userData}`)}`;
  return { event: "pusher:signin", data: { auth, user_data: userData } };
}

async function run(seed: number, way: Way): Promise<void> {
  const random = createRandom(seed);
  const { below, pick, chance } = random;
  const stages = appNames.map((name) => new Stage(name, way, boundsOf(random)));
  for (let step = 0; step < steps; step += 1) {
    const stage = pick(stages);
    stage.answer(below(3));
    const choice = below(20);
    const tab = stage.open.length > 0 ? pick(stage.open) : null;
    if (choice < 7) {
      stage.publish(chance(0.8) ? pick(channels) : ownChannel(pick(["ada", "bea"])));
    } else if (choice < 12 || !tab) {
      const key = pick(tokens);
      const isThere = stage.open.some((other) => other.key === key);
      if (isThere && key.isOfOnePage) continue;
      const opened = stage.enter(key, pick(users));
      for (const channel of channels) if (chance(0.7)) await stage.subscribe(opened, channel);
    } else if (choice < 14) {
      await stage.subscribe(tab, pick(channels));
    } else if (choice === 14) {
      stage.unsubscribe(tab, pick(channels));
    } else if (choice < 18) {
      stage.close(tab, way.mode === "all" && chance(0.5) ? 1006 : 4200);
    } else if (choice === 18) {
      if (chance(0.3)) stage.terminate(pick(["ada", "bea"]));
      else stage.close(tab, 1001);
    } else {
      stage.node.pass(1_000 + below(2_000));
    }
    for (const each of stages) each.checkBounds();
  }
}

describe("recovery within bounds, over random schedules", () => {
  const ways: readonly Way[] = [
    { mode: "orderly", isLater: false },
    { mode: "orderly", isLater: true },
    { mode: "all", isLater: false },
    { mode: "all", isLater: true },
  ];
  for (const way of ways) {
    const title = `${way.mode}${way.isLater ? ", answered later" : ""}`;
    it(`Y13, Y15, Y16: ${title}: the bounds hold, and nothing crosses between sessions, users or apps`, async () => {
      for (let seed = 1; seed <= schedules; seed += 1) {
        await run(seed, way).catch((error) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    });
  }
});
