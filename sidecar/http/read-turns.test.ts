import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Reading, ReadTurns } from "./read-turns.ts";

const piece = Buffer.alloc(65_536);

/** Turns that come when the test says so, and connections in the order in which they went on. */
function createRig() {
  const scheduled: (() => void)[] = [];
  const turns = new ReadTurns((run) => void scheduled.push(run));
  const wentOn: string[] = [];
  const paused = new Set<string>();
  const open = (name: string, visitor = name): Reading => {
    const source = {
      pause: () => void paused.add(name),
      resume() {
        paused.delete(name);
        wentOn.push(name);
      },
    };
    return new Reading(source, visitor, turns);
  };
  const nextTurn = (): void => {
    const [run] = scheduled.splice(0);
    run?.();
  };
  return { open, nextTurn, wentOn, paused, scheduled };
}

describe("what is read in turns", () => {
  it("goes on in one turn while little comes, and is never paused", () => {
    const { open, nextTurn, wentOn, paused } = createRig();
    const readings = ["a", "b", "c"].map((name) => open(name));
    for (let turn = 0; turn < 100; turn += 1) {
      for (const reading of readings) reading.took(piece);
      assert.equal(paused.size, 0);
      nextTurn();
    }
    assert.deepEqual(wentOn, []);
  });

  it("is so much in a turn, of however many connections", () => {
    const { open, nextTurn, wentOn } = createRig();
    const readings = new Map(
      Array.from({ length: 100 }, (_, i): [string, Reading] => [`${i}`, open(`${i}`)]),
    );
    for (const reading of readings.values()) reading.took(piece);
    const seen = new Set<string>();
    for (let turn = 0; turn < 60; turn += 1) {
      nextTurn();
      const now = wentOn.splice(0);
      assert.ok(now.length <= 4, `${now.length} went on`);
      for (const name of now) {
        readings.get(name)?.took(piece);
        seen.add(name);
      }
    }
    // Three of them were not paused at all.
    assert.equal(seen.size, 97);
  });

  it("is counted by pieces too: ten thousand of one byte are paid for with the turns that follow", () => {
    const { open, nextTurn, wentOn, paused } = createRig();
    const [shredder, other] = [open("shredder"), open("other")];
    for (let count = 0; count < 10_240; count += 1) shredder.took(Buffer.alloc(1));
    other.took(piece);
    assert.deepEqual([...paused], ["shredder", "other"]);
    for (let turn = 1; turn < 40; turn += 1) nextTurn();
    assert.deepEqual(wentOn, []);
    nextTurn();
    assert.deepEqual(wentOn, ["shredder"]);
    nextTurn();
    assert.deepEqual(wentOn, ["shredder", "other"]);
  });

  it("goes from visitor to visitor, however many connections one has", () => {
    const { open, nextTurn, wentOn } = createRig();
    const crowd = Array.from({ length: 100 }, (_, i) => open(`c${i}`, "crowd"));
    for (const reading of crowd) reading.took(piece);
    const alone = open("alone");
    alone.took(piece);
    while (wentOn.length === 0) nextTurn();
    assert.ok(wentOn.includes("alone"));
  });

  it("stays unread while whoever gets it has enough, and comes up again in turn", () => {
    const { open, nextTurn, wentOn } = createRig();
    const reading = open("a");
    reading.took(piece);
    reading.block();
    for (let turn = 0; turn < 3; turn += 1) nextTurn();
    assert.deepEqual(wentOn, []);
    reading.unblock();
    assert.deepEqual(wentOn, []);
    nextTurn();
    assert.deepEqual(wentOn, ["a"]);
  });

  it("that has its turn while it is blocked is read when it no longer is", () => {
    const { open, nextTurn, wentOn } = createRig();
    const reading = open("a");
    for (let count = 0; count < 9; count += 1) reading.took(piece);
    reading.block();
    nextTurn();
    assert.deepEqual(wentOn, []);
    reading.unblock();
    nextTurn();
    assert.deepEqual(wentOn, ["a"]);
  });

  it("leaves its place when it is stopped, and nothing runs while nobody reads", () => {
    const { open, nextTurn, wentOn, scheduled } = createRig();
    const reading = open("a");
    for (let count = 0; count < 9; count += 1) reading.took(piece);
    reading.stop();
    // Whoever comes next on that connection finds it as it was.
    assert.deepEqual(wentOn, ["a"]);
    for (let turn = 0; turn < 3; turn += 1) nextTurn();
    reading.took(piece);
    reading.block();
    reading.unblock();
    assert.deepEqual(wentOn, ["a"]);
    assert.equal(scheduled.length, 0);
  });
});
