import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SidecarEvent } from "../core/report.ts";
import { createFeed, maxMade, maxViewers } from "./feed.ts";
import type { KeptRefusal, Line, Watcher } from "./sources.ts";
import { maxContents, maxLookedAt, maxShown } from "./viewer.ts";

function createRig() {
  const state: { due: (() => void) | null; watcher: Watcher | null } = { due: null, watcher: null };
  const described: string[] = [];
  const kept: KeptRefusal[] = [];
  let figures = 0;
  const lineOf = ({ kind }: SidecarEvent): Line => {
    described.push(kind);
    return { level: "info", message: kind, fields: {}, hint: undefined };
  };
  const feed = createFeed({
    hubs: [],
    upstream: null,
    watch: (next) => (state.watcher = next),
    lineOf,
    refusals: () => kept,
    figures: () => Promise.resolve({ figures: (figures += 1) }),
    timers: {
      setTimeout(run) {
        state.due = run;
        return () => (state.due = null);
      },
    },
    wallClock: () => 42,
  });
  return {
    feed,
    described,
    kept,
    get watcher(): Watcher | null {
      return state.watcher;
    },
    get isTicking() {
      return state.due !== null;
    },
    get figures() {
      return figures;
    },
    see: (event: SidecarEvent) => state.watcher?.see(event),
    tick: () => state.due?.(),
  };
}

const everything = { filter: "", hasContents: false, isForRefusals: false };

function open({ feed }: ReturnType<typeof createRig>, wanted: Partial<typeof everything> = {}) {
  const messages: Record<string, unknown>[] = [];
  const state = { takes: true };
  const viewer = feed.open({
    ...everything,
    ...wanted,
    send(message) {
      messages.push(message as Record<string, unknown>);
      return state.takes;
    },
  });
  assert.ok(viewer);
  const entries = () =>
    messages.flatMap(({ type, entries }) =>
      type === "entries" ? (entries as Record<string, unknown>[]) : [],
    );
  return { viewer, messages, state, entries };
}

const delivered = (event = "Shipped", channel = "orders"): SidecarEvent => ({
  kind: "event_delivered",
  appId: "1",
  event,
  channel,
  bytes: 10,
  recipients: 3,
});

function areContentsWatched({ watcher }: ReturnType<typeof createRig>): boolean {
  return watcher?.contents !== null;
}

describe("the console's feed", () => {
  it("watches while somebody looks, and does nothing while nobody does", () => {
    const rig = createRig();
    assert.deepEqual([rig.watcher, rig.isTicking], [null, false]);
    const one = open(rig);
    const other = open(rig);
    assert.ok(rig.watcher && rig.isTicking);
    rig.feed.close(one.viewer);
    assert.ok(rig.watcher && rig.isTicking);
    rig.feed.close(other.viewer);
    rig.feed.close(other.viewer);
    assert.deepEqual([rig.watcher, rig.isTicking], [null, false]);
  });

  it("has as many viewers as may be", () => {
    const rig = createRig();
    const viewers = Array.from({ length: maxViewers }, () => open(rig));
    const none = { ...everything, send: () => true };
    assert.equal(rig.feed.open(none), null);
    rig.feed.close(viewers[0]?.viewer ?? assert.fail());
    assert.ok(rig.feed.open(none));
  });

  it("a viewer of refusals alone makes no details and is sent nothing else", () => {
    const rig = createRig();
    const { entries } = open(rig, { isForRefusals: true });
    assert.equal(rig.watcher?.hasDetails, false);
    rig.see({ kind: "requests_paused", forMs: 1, isForGood: false });
    rig.see({ kind: "publish_refused", appId: "1", reason: "rate_limited" });
    rig.tick();
    assert.deepEqual(
      entries().map(({ kind }) => kind),
      ["publish_refused"],
    );
    open(rig);
    assert.equal(rig.watcher?.hasDetails, true);
  });

  it("begins with what was refused before", () => {
    const rig = createRig();
    const event: SidecarEvent = { kind: "publish_refused", appId: "1", reason: "rate_limited" };
    rig.kept.push({ atMs: 7, event });
    const { messages } = open(rig);
    assert.deepEqual(messages[0], {
      type: "refusals",
      entries: [
        {
          ...event,
          atMs: 7,
          level: "info",
          message: "publish_refused",
          hint: undefined,
          why: "the app publishes more often than it may",
          expected: null,
          fix: null,
        },
      ],
    });
  });

  it("sends what happened together, and figures with every fourth message", async () => {
    const rig = createRig();
    const { messages, entries } = open(rig);
    await Promise.resolve();
    assert.equal(rig.figures, 1);
    rig.see(delivered());
    rig.see({ kind: "broadcast", appId: "1", recipients: 3 });
    rig.see({ kind: "app_back", afterMs: 1, waited: 2 });
    assert.deepEqual(entries(), []);
    for (let tick = 0; tick < 4; tick++) rig.tick();
    await Promise.resolve();
    assert.equal(messages.filter(({ type }) => type === "entries").length, 1);
    assert.deepEqual(
      entries().map(({ kind, topic, atMs }) => [kind, topic, atMs]),
      [
        ["event_delivered", "events", 42],
        ["app_back", "node", 42],
      ],
    );
    assert.equal(rig.figures, 2);
  });

  it("shows as many of a topic as a person can read, looks at no more than that, and says how many passed", () => {
    const rig = createRig();
    const { messages, entries } = open(rig);
    for (let event = 0; event < 100_000; event++) rig.see(delivered());
    rig.see({ kind: "app_back", afterMs: 1, waited: 2 });
    assert.equal(rig.described.length, maxShown + 1);
    rig.tick();
    assert.equal(entries().length, maxShown + 1);
    const skipped = { events: 100_000 - maxShown };
    assert.deepEqual(messages.at(-1)?.["skipped"], skipped);
  });

  it("a filter finds what is rare, among as many as it may look at", () => {
    const rig = createRig();
    const { messages, entries } = open(rig, { filter: "rare", hasContents: false });
    for (let event = 0; event < maxLookedAt - 1; event++) rig.see(delivered());
    rig.see(delivered("VeryRare"));
    rig.see(delivered("RareToo"));
    rig.tick();
    assert.deepEqual(
      entries().map(({ event }) => event),
      ["VeryRare"],
    );
    assert.deepEqual(messages.at(-1)?.["skipped"], { events: 1 });
    // Of another topic all are shown.
    rig.see({ kind: "app_back", afterMs: 1, waited: 2 });
    rig.tick();
    assert.equal(entries().length, 2);
  });

  it("contents of events are only collected while a viewer wants them, go to that viewer alone, and are cut", () => {
    const rig = createRig();
    const plain = open(rig);
    assert.equal(areContentsWatched(rig), false);
    const curious = open(rig, { filter: "", hasContents: true });
    const contents = rig.watcher?.contents ?? assert.fail();
    const dataJson = JSON.stringify("x".repeat(2 * maxContents));
    contents({ appId: "1", channel: "orders", event: "Shipped", dataJson }, 3);
    rig.see(delivered());
    rig.tick();
    assert.deepEqual(
      curious.entries().map(({ contents, recipients }) => [String(contents).length, recipients]),
      [[maxContents, 3]],
    );
    assert.deepEqual(
      plain.entries().map(({ contents }) => contents),
      [undefined],
    );
    rig.feed.close(curious.viewer);
    assert.equal(areContentsWatched(rig), false);
  });

  it("with enough events no more are made until the next message", () => {
    const rig = createRig();
    open(rig, { filter: "", hasContents: true });
    assert.deepEqual([rig.watcher?.hasDetails, areContentsWatched(rig)], [true, true]);
    for (let made = 0; made < maxMade; made++) rig.see(delivered());
    assert.deepEqual([rig.watcher?.hasDetails, areContentsWatched(rig)], [false, false]);
    // All else still comes.
    rig.see({ kind: "app_back", afterMs: 1, waited: 2 });
    rig.tick();
    assert.deepEqual([rig.watcher?.hasDetails, areContentsWatched(rig)], [true, true]);
  });

  it("a filter looks at more of them", () => {
    const rig = createRig();
    open(rig, { filter: "rare", hasContents: false });
    for (let made = 0; made < maxLookedAt - 1; made++) rig.see(delivered());
    assert.equal(rig.watcher?.hasDetails, true);
    rig.see(delivered());
    assert.equal(rig.watcher?.hasDetails, false);
  });

  it("a viewer that does not read gets nothing more until it does", () => {
    const rig = createRig();
    const { viewer, messages, state, entries } = open(rig);
    rig.see(delivered());
    state.takes = false;
    rig.tick();
    const { length } = messages;
    for (let event = 0; event < 1_000; event++) rig.see(delivered());
    rig.tick();
    rig.tick();
    assert.equal(messages.length, length);
    state.takes = true;
    viewer.resume();
    rig.tick();
    assert.equal(entries().length, 1 + maxShown);
    assert.deepEqual(messages.at(-1)?.["skipped"], { events: 1_000 - maxShown });
  });
});
