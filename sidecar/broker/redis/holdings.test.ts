import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Change } from "./changes.ts";
import { Holdings } from "./holdings.ts";
import { channelField, memberField } from "./keys.ts";

/** Redis as far as one node's holdings go; takes its time, and may fail with or without having done it. */
function createRig() {
  const stored = new Map<string, number>();
  const news: string[] = [];
  const missed: string[] = [];
  let connections = 0;
  let session = 0;
  let fails: "before" | "after" | null = null;
  let nowMs = 0;
  let faults = 0;
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

  function apply(change: Change): void {
    switch (change.kind) {
      case "connections":
        connections = change.count;
        return;
      case "count":
        if (change.count > 0 && !stored.has(channelField(change.channel)) && change.isNews) {
          news.push(change.channel);
        }
        if (change.count > 0) stored.set(channelField(change.channel), change.count);
        else stored.delete(channelField(change.channel));
        return;
      case "hold":
        if (change.isNews) news.push(`${change.channel} ${change.user}`);
        stored.set(memberField(change.channel, change.user), 1);
        return;
      case "release":
        stored.delete(memberField(change.channel, change.user));
        return;
      case "missed":
        missed.push(change.field);
    }
  }

  const holdings = new Holdings({
    report: async (ofSession, changes) => {
      await turn();
      if (fails === "before") throw new Error("not done");
      if (ofSession !== session) throw new Error("not known");
      changes.forEach(apply);
      await turn();
      if (fails === "after") throw new Error("done, and nobody knows");
    },
    onFault: () => (faults += 1),
    now: () => nowMs,
    endedMemoryMs: 1_000,
  });
  const open = (isEmptied = false) => {
    session += 1;
    return holdings.open({
      session,
      stored: new Map(stored),
      isEmptied,
      missedWithinMs: 500,
    });
  };
  return {
    holdings,
    stored,
    news,
    missed,
    turn,
    open,
    connections: () => connections,
    faults: () => faults,
    fail: (how: typeof fails) => (fails = how),
    pass: (ms: number) => (nowMs += ms),
  };
}

describe("holdings", () => {
  it("tell what has changed, and nothing that was undone meanwhile", async () => {
    const { holdings, stored, news, open, connections } = createRig();
    await open();
    holdings.setCount("a", 1);
    holdings.setCount("a", 2);
    holdings.setCount("gone", 1);
    holdings.setCount("gone", 0);
    holdings.hold("presence-a", "u v", "{}");
    holdings.setConnections(3);
    await holdings.flush();
    assert.deepEqual(
      [...stored],
      [
        [channelField("a"), 2],
        [memberField("presence-a", "u v"), 1],
      ],
    );
    assert.deepEqual(news, ["a", "presence-a u v"]);
    assert.equal(connections(), 3);
    assert.ok(holdings.isStored("presence-a", "u v"));
  });

  it("after Redis was emptied what was there is no news, and what ended is told as missed", async () => {
    const { holdings, stored, news, missed, turn, open } = createRig();
    await open();
    for (const channel of ["stays", "ends", "ended"]) holdings.setCount(channel, 1);
    await holdings.flush();
    holdings.setCount("ended", 0);
    await holdings.flush();
    news.length = 0;
    stored.clear();
    holdings.close();
    holdings.setCount("ends", 0);
    holdings.setCount("new", 1);
    await turn();
    await open(true);
    assert.deepEqual([...stored.keys()].toSorted(), [channelField("new"), channelField("stays")]);
    assert.deepEqual(news, ["new"]);
    assert.deepEqual(missed.toSorted(), [channelField("ended"), channelField("ends")]);
  });

  it("an end that was told long ago is not missed", async () => {
    const { holdings, stored, missed, open, pass } = createRig();
    await open();
    holdings.setCount("a", 1);
    await holdings.flush();
    holdings.setCount("a", 0);
    await holdings.flush();
    pass(1_001);
    stored.clear();
    await open(true);
    assert.deepEqual(missed, []);
  });

  it("of a node that was taken over all is news: its ends were told", async () => {
    const { holdings, stored, news, missed, open } = createRig();
    await open();
    holdings.setCount("a", 1);
    await holdings.flush();
    stored.clear();
    await open();
    assert.deepEqual(news, ["a", "a"]);
    assert.deepEqual(missed, []);
  });

  it("what is closed while it opens stays closed", async () => {
    const { holdings, open } = createRig();
    const opening = open();
    holdings.close();
    await assert.rejects(opening);
  });

  it("what changes while it opens is told right after", async () => {
    const { holdings, stored, turn, open, connections } = createRig();
    holdings.setConnections(1);
    const opening = open();
    await turn();
    holdings.setConnections(2);
    holdings.setCount("a", 1);
    await opening;
    assert.equal(connections(), 2);
    assert.deepEqual([...stored], [[channelField("a"), 1]]);
  });

  it("more than a script takes goes in several", async () => {
    const { holdings, stored, open } = createRig();
    await open();
    for (let i = 0; i < 1_234; i++) holdings.setCount(`c${i}`, 1);
    await holdings.flush();
    assert.equal(stored.size, 1_234);
  });

  it("whatever happens, Redis has in the end what is held", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("count" as const),
        channel: fc.constantFrom("a", "b"),
        count: fc.nat(2),
      }),
      fc.record({
        do: fc.constant("member" as const),
        user: fc.constantFrom("1", "2"),
        isHeld: fc.boolean(),
      }),
      fc.record({ do: fc.constant("turn" as const) }),
      fc.record({ do: fc.constant("flush" as const) }),
      fc.record({
        do: fc.constant("fail" as const),
        how: fc.constantFrom("before" as const, "after" as const),
      }),
      fc.record({ do: fc.constant("empty" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { holdings, stored, turn, open, fail } = createRig();
        await open();
        const expected = new Map<string, number>();
        const set = (field: string, count: number): void => {
          if (count > 0) expected.set(field, count);
          else expected.delete(field);
        };
        for (const at of steps) {
          if (at.do === "count") {
            holdings.setCount(at.channel, at.count);
            set(channelField(at.channel), at.count);
          } else if (at.do === "member") {
            if (at.isHeld) holdings.hold("presence-a", at.user, "{}");
            else holdings.release("presence-a", at.user);
            set(memberField("presence-a", at.user), Number(at.isHeld));
          } else if (at.do === "turn") {
            await turn();
          } else if (at.do === "flush") {
            await holdings.flush();
          } else {
            if (at.do === "fail") fail(at.how);
            else stored.clear();
            await holdings.flush();
            holdings.close();
            fail(null);
            await open(at.do === "empty");
          }
        }
        await holdings.flush();
        assert.deepEqual(
          [...stored].toSorted(([a], [b]) => (a < b ? -1 : 1)),
          [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
