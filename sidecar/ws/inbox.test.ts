import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Inbox } from "./inbox.ts";

/** What is counted as one below: as much as a share is allowed to take a millisecond for. */
const unitBytes = 4_096;

/** An inbox on a clock that goes on by 1 ms with every share, and connections that write down who was served. */
function createInbox({ turnMs = 1_000, maxShare = 1, shareMs = 1_000 } = {}) {
  const turns: (() => void)[] = [];
  const microtasks: (() => void)[] = [];
  const served: string[] = [];
  const during: (() => void)[] = [];
  let nowMs = 0;
  const inbox = new Inbox({
    now: () => nowMs,
    schedule: (run) => void turns.push(run),
    defer: (run) => void microtasks.push(run),
    turnMs,
    shareMs,
    minShareBytes: unitBytes,
    maxShareBytes: maxShare * unitBytes,
  });

  /**
   * A connection of that visitor, whose shares take so long, and so much longer after an await; from which so many
   * units have arrived.
   */
  function arrive(
    name: string,
    units: number,
    { visitor = name, shareMs = 1, unitMs = 0, afterMs = 0 } = {},
  ) {
    const connection = {
      /** Units that have arrived and were not handled. */
      left: 0,
      isPaused: false,
      more(count: number): void {
        connection.left += count;
        input.arrived();
      },
      close(): void {
        connection.left = 0;
        input.close();
      },
    };
    const input = inbox.open(visitor, {
      handle(maxBytes) {
        for (const run of during.splice(0)) microtasks.push(run);
        if (connection.isPaused) return { bytes: 0, hasMore: false };
        const units = Math.min(connection.left, Math.ceil(maxBytes / unitBytes));
        if (units > 0) {
          nowMs += shareMs + units * unitMs;
          microtasks.push(() => (nowMs += afterMs));
          served.push(name);
        }
        connection.left -= units;
        return { bytes: Math.min(maxBytes, units * unitBytes), hasMore: connection.left > 0 };
      },
    });
    connection.more(units);
    return connection;
  }

  return {
    arrive,
    /** Runs one turn of the event loop; whom it served. */
    turn(): string {
      turns.shift()?.();
      while (microtasks.length > 0) microtasks.shift()?.();
      return served.splice(0).join("");
    },
    scheduled: () => turns.length,
    /** Runs it within the next share, after the handler has returned. */
    duringNext: (run: () => void) => void during.push(run),
  };
}

describe("inbox", () => {
  it("handles nothing before the turn, and is at rest when nothing waits", () => {
    const { arrive, turn, scheduled } = createInbox();
    arrive("a", 1);
    assert.equal(scheduled(), 1);
    assert.equal(turn(), "a");
    assert.equal(turn(), "");
    assert.equal(scheduled(), 0);
  });

  it("a turn ends when its time is over, however much has arrived", () => {
    const { arrive, turn } = createInbox({ turnMs: 3 });
    arrive("a", 1_000_000);
    assert.equal(turn(), "aaa");
    assert.equal(turn(), "aaa");
  });

  it("work that a handler does after an await counts for its share, and for the turn", () => {
    const { arrive, turn } = createInbox({ turnMs: 10 });
    arrive("a", 1_000, { shareMs: 0.1, afterMs: 4.9 });
    assert.equal(turn(), "aa");
  });

  it("shares grow while a connection has more and they cost little, up to a bound", () => {
    const { arrive, turn } = createInbox({ maxShare: 8 });
    arrive("a", 1 + 2 + 4 + 8 + 8);
    assert.equal(turn(), "aaaaa");
  });

  it("and to what costs as much as a share may", () => {
    const { arrive, turn } = createInbox({ maxShare: 8, shareMs: 2 });
    arrive("a", 1 + 2 + 2 + 2 + 2, { shareMs: 0, unitMs: 1 });
    assert.equal(turn(), "aaaaa");
  });

  it("serves connections of one visitor in turn", () => {
    const { arrive, turn } = createInbox();
    for (const name of ["a", "b", "c"]) arrive(name, 2, { visitor: "visitor" });
    assert.equal(turn(), "abcabc");
  });

  it("serves a connection known for a little before a hundred that flood, time and again", () => {
    const { arrive, turn } = createInbox({ turnMs: 10 });
    for (let i = 0; i < 100; i++) arrive("x", 1_000, { visitor: "same office" });
    for (let i = 0; i < 30; i++) turn();
    const quiet = arrive("p", 1, { visitor: "same office", shareMs: 0.05 });
    const first = Array.from({ length: 11 }, () => turn()).join("");
    assert.match(first, /p/, "who is new comes round with the others");
    quiet.more(1);
    for (let i = 0; i < 30; i++) {
      assert.match(turn(), /^p/);
      quiet.more(1);
    }
  });

  it("shares by cost: ten cheap messages for one that costs ten times as much", () => {
    const { arrive, turn } = createInbox({ turnMs: 40 });
    arrive("d", 1_000, { shareMs: 1 });
    arrive("c", 1_000, { shareMs: 0.1 });
    const served = turn();
    const dear = served.split("d").length - 1;
    assert.ok(Math.abs(dear - 20) <= 2, served);
  });

  it("a visitor gets no more for having more connections", () => {
    const { arrive, turn } = createInbox({ turnMs: 90 });
    for (let i = 0; i < 100; i++) arrive("x", 1_000, { visitor: "attacker" });
    arrive("a", 1_000);
    arrive("b", 1_000);
    const served = turn();
    for (const name of ["x", "a", "b"]) assert.equal(served.split(name).length - 1, 30, served);
  });

  it("a pause earns nothing: who comes again and again gets no more than those who always want more", () => {
    const { arrive, turn } = createInbox({ turnMs: 2 });
    arrive("a", 1_000);
    const often = arrive("o", 1);
    let served = "";
    for (let i = 0; i < 50; i++) {
      served += turn();
      often.more(1);
    }
    assert.ok(served.split("a").length - 1 >= 48, served);
  });

  it("a pause of the machine is not charged to whoever is served just then", () => {
    const { arrive, turn } = createInbox({ turnMs: 60_000 });
    const paused = arrive("p", 1, { shareMs: 30_000 });
    arrive("x", 1_000, { shareMs: 1 });
    turn();
    paused.more(1);
    assert.ok(turn().indexOf("p") < 4);
  });

  it("on a clock that stands still everybody is served", () => {
    const { arrive, turn } = createInbox({ turnMs: 2 });
    arrive("a", 3, { shareMs: 0 });
    arrive("b", 3, { shareMs: 0 });
    assert.equal(turn().length, 6);
  });

  it("a connection that has said so twice is served once, and one that comes back again", () => {
    const { arrive, turn } = createInbox();
    const one = arrive("a", 1);
    one.more(0);
    assert.equal(turn(), "a");
    one.more(1);
    assert.equal(turn(), "a");
  });

  it("input that arrives while a client is served is served as well", () => {
    const { arrive, turn, duringNext } = createInbox();
    const one = arrive("a", 1);
    duringNext(() => one.more(1));
    assert.equal(turn(), "aa");
  });

  it("whatever arrives, and whenever, nothing is left when no turn is scheduled (property)", () => {
    const who = fc.nat(5);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("arrive"), who, units: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("arrive during"), who }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause"), who }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("resume during"), who }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("close"), who }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("turn"), who }) },
    );
    let duringShares = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
        const { arrive, turn, scheduled, duringNext } = createInbox({ turnMs: 3, maxShare: 4 });
        const open = (who: number) => arrive(String(who), 0, { visitor: `v${who % 3}` });
        const connections = [0, 1, 2, 3, 4, 5].map(open);
        for (const { kind, who, units = 1 } of steps.map((each) => ({ units: 1, ...each }))) {
          const connection = connections[who];
          assert.ok(connection);
          if (kind === "arrive") connection.more(units);
          else if (kind === "turn") turn();
          else if (kind === "pause") connection.isPaused = true;
          else if (kind === "close") {
            connection.close();
            connections[who] = open(who);
          } else {
            duringNext(() => {
              duringShares += 1;
              connection.isPaused = false;
              connection.more(kind === "arrive during" ? 1 : 0);
            });
          }
          assert.ok(scheduled() <= 1);
        }
        for (let turns = 0; scheduled() > 0; turns += 1) {
          assert.ok(turns < 10_000);
          turn();
        }
        assert.ok(connections.every(({ isPaused, left }) => isPaused || left === 0));
      }),
      { numRuns: 300 },
    );
    assert.ok(duringShares > 1_000);
  });
});
