import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { channelField, memberField } from "./keys.ts";
import { Registrations } from "./registrations.ts";
import type { RegistrationChange } from "./scripts/registrations.ts";

/** Redis as far as one node's registrations go; takes its time, and may fail with or without having done it. */
function createRig() {
  const stored = new Map<string, number>();
  const news: string[] = [];
  const missed: string[] = [];
  let connections = 0;
  let term = 0;
  let time = new AbortController();
  let fails: "before" | "after" | null = null;
  let nowMs = 0;
  let faults = 0;
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

  function apply(change: RegistrationChange): void {
    switch (change.kind) {
      case "connections":
        connections = change.count;
        return;
      case "channel":
        if (change.count > 0 && !stored.has(channelField(change.channel)) && change.isNews) {
          news.push(change.channel);
        }
        if (change.count > 0) stored.set(channelField(change.channel), change.count);
        else stored.delete(channelField(change.channel));
        return;
      case "member_added":
        if (change.isNews) news.push(`${change.channel} ${change.user}`);
        stored.set(memberField(change.channel, change.user), 1);
        return;
      case "member_removed":
        stored.delete(memberField(change.channel, change.user));
        return;
      case "missed":
        missed.push(change.field);
    }
  }

  const registrations = new Registrations({
    register: async (ofTerm, changes) => {
      await turn();
      if (fails === "before") throw new Error("not done");
      if (ofTerm !== term) throw new Error("not known");
      changes.forEach(apply);
      await turn();
      if (fails === "after") throw new Error("done, and nobody knows");
    },
    onFault: () => (faults += 1),
    now: () => nowMs,
    endedMemoryMs: 1_000,
  });
  const open = (isEmptied = false) => {
    term += 1;
    const texts = new Map([...stored].map(([field, value]) => [field, String(value)]));
    const opening = { term, stored: texts, isEmptied, missedWithinMs: 500 };
    return registrations.open(opening, time.signal);
  };
  return {
    registrations,
    stored,
    news,
    missed,
    turn,
    open,
    lose: () => {
      time.abort();
      time = new AbortController();
    },
    connections: () => connections,
    faults: () => faults,
    fail: (how: typeof fails) => (fails = how),
    pass: (ms: number) => (nowMs += ms),
  };
}

describe("registrations", () => {
  it("are sent where they have changed, and not where that was undone meanwhile", async () => {
    const { registrations, stored, news, open, connections } = createRig();
    await open();
    registrations.setCount("a", 1);
    registrations.setCount("a", 2);
    registrations.setCount("gone", 1);
    registrations.setCount("gone", 0);
    registrations.addMember("presence-a", "u v", "{}");
    registrations.setConnections(3);
    await registrations.flush();
    assert.deepEqual(
      [...stored],
      [
        [channelField("a"), 2],
        [memberField("presence-a", "u v"), 1],
      ],
    );
    assert.deepEqual(news, ["a", "presence-a u v"]);
    assert.equal(connections(), 3);
    assert.ok(registrations.isStored("presence-a", "u v"));
  });

  it("after Redis was emptied what was there is no news, and what ended is registered as missed", async () => {
    const { registrations, stored, news, missed, turn, open, lose } = createRig();
    await open();
    for (const channel of ["stays", "ends", "ended"]) registrations.setCount(channel, 1);
    await registrations.flush();
    registrations.setCount("ended", 0);
    await registrations.flush();
    news.length = 0;
    stored.clear();
    lose();
    registrations.setCount("ends", 0);
    registrations.setCount("new", 1);
    await turn();
    await open(true);
    assert.deepEqual([...stored.keys()].toSorted(), [channelField("new"), channelField("stays")]);
    assert.deepEqual(news, ["new"]);
    assert.deepEqual(missed.toSorted(), [channelField("ended"), channelField("ends")]);
  });

  it("an end that Redis took long ago is not missed", async () => {
    const { registrations, stored, missed, open, pass } = createRig();
    await open();
    registrations.setCount("a", 1);
    await registrations.flush();
    registrations.setCount("a", 0);
    await registrations.flush();
    pass(1_001);
    stored.clear();
    await open(true);
    assert.deepEqual(missed, []);
  });

  it("a node that was removed registers everything anew, since its ends were announced", async () => {
    const { registrations, stored, news, missed, open } = createRig();
    await open();
    registrations.setCount("a", 1);
    await registrations.flush();
    stored.clear();
    await open();
    assert.deepEqual(news, ["a", "a"]);
    assert.deepEqual(missed, []);
  });

  it("closing while it opens keeps it closed", async () => {
    const { open, lose } = createRig();
    const opening = open();
    lose();
    await assert.rejects(opening);
  });

  it("a change made while it opens is sent right after", async () => {
    const { registrations, stored, turn, open, connections } = createRig();
    registrations.setConnections(1);
    const opening = open();
    await turn();
    registrations.setConnections(2);
    registrations.setCount("a", 1);
    await opening;
    assert.equal(connections(), 2);
    assert.deepEqual([...stored], [[channelField("a"), 1]]);
  });

  it("more than a script takes goes in several", async () => {
    const { registrations, stored, open } = createRig();
    await open();
    for (let i = 0; i < 1_234; i++) registrations.setCount(`c${i}`, 1);
    await registrations.flush();
    assert.equal(stored.size, 1_234);
  });

  it("whatever happens, Redis has in the end what the node has", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("count" as const),
        channel: fc.constantFrom("a", "b"),
        count: fc.nat(2),
      }),
      fc.record({
        do: fc.constant("member" as const),
        user: fc.constantFrom("1", "2"),
        isThere: fc.boolean(),
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
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: "max" }), async (steps) => {
        const { registrations, stored, turn, open, lose, fail } = createRig();
        await open();
        const expected = new Map<string, number>();
        const set = (field: string, count: number): void => {
          if (count > 0) expected.set(field, count);
          else expected.delete(field);
        };
        for (const at of steps) {
          if (at.do === "count") {
            registrations.setCount(at.channel, at.count);
            set(channelField(at.channel), at.count);
          } else if (at.do === "member") {
            if (at.isThere) registrations.addMember("presence-a", at.user, "{}");
            else registrations.removeMember("presence-a", at.user);
            set(memberField("presence-a", at.user), Number(at.isThere));
          } else if (at.do === "turn") {
            await turn();
          } else if (at.do === "flush") {
            await registrations.flush();
          } else {
            if (at.do === "fail") fail(at.how);
            else stored.clear();
            await registrations.flush();
            lose();
            fail(null);
            await open(at.do === "empty");
          }
        }
        await registrations.flush();
        assert.deepEqual(
          [...stored].toSorted(([a], [b]) => (a < b ? -1 : 1)),
          [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
