import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHeartbeat } from "./heartbeat.ts";
import { ReturningNodes } from "./returning-nodes.ts";

const leaseMs = 15_000;

const heartbeats = (texts: Readonly<Record<string, string>>) =>
  new Map(Object.entries(texts).map(([node, text]) => [node, parseHeartbeat(text)]));

/** A node that has lost Redis with these others, and is back at 0 ms. */
function startReturn(before: readonly string[], atReturn: Readonly<Record<string, string>>) {
  const returning = new ReturningNodes(leaseMs);
  returning.lose(before);
  returning.begin(heartbeats(atReturn), 0);
  return (texts: Readonly<Record<string, string>>, nowMs = 1_000) =>
    returning.isOver(heartbeats(texts), nowMs);
}

describe("nodes that return after an outage", () => {
  it("nobody else was there: the lists are whole at once, which is said once", () => {
    const isOver = startReturn([], {});
    assert.equal(isOver({}), true);
    assert.equal(isOver({}), false);
  });

  it("before any outage nobody is waited for, and nothing is over", () => {
    assert.equal(new ReturningNodes(leaseMs).isEmpty, true);
    assert.equal(new ReturningNodes(leaseMs).isOver(new Map(), 1_000_000), false);
  });

  it("Redis was emptied: all are back once each has registered what it has", () => {
    const isOver = startReturn(["a", "b"], {});
    assert.equal(isOver({ a: "1", b: "1" }), false);
    assert.equal(isOver({ a: "2+", b: "1" }), false);
    assert.equal(isOver({ a: "3+", b: "2+" }), true);
  });

  it("Redis has its data: a heartbeat that was under way before the outage says nothing of after it", () => {
    const isOver = startReturn(["a"], { a: "7+" });
    assert.equal(isOver({ a: "7+" }), false);
    assert.equal(isOver({ a: "8+" }), false);
    assert.equal(isOver({ a: "9" }), false, "back, and still registering");
    assert.equal(isOver({ a: "10+" }), true);
  });

  it("a node that registered and went has taken its members with it", () => {
    const isOver = startReturn(["a", "b"], { b: "3+" });
    assert.equal(isOver({ a: "1", b: "3+" }), false);
    assert.equal(isOver({ b: "claimed" }), false);
    assert.equal(isOver({}), true);
  });

  it("one that does not come back is waited for as long as the lease, and no longer", () => {
    const isOver = startReturn(["a", "b"], {});
    assert.equal(isOver({ a: "9+" }, leaseMs - 1), false);
    assert.equal(isOver({ a: "10+" }, leaseMs), true);
  });

  it("lost again meanwhile: all are waited for anew, those from before the first outage too", () => {
    const returning = new ReturningNodes(leaseMs);
    returning.lose(["a"]);
    returning.begin(new Map(), 0);
    assert.equal(returning.isOver(heartbeats({ b: "1" }), 1_000), false);
    returning.lose(["b"]);
    assert.equal(returning.isOver(heartbeats({ a: "1+", b: "1+" }), leaseMs), false, "not back");
    returning.begin(heartbeats({ b: "4" }), leaseMs);
    assert.equal(returning.isOver(heartbeats({ a: "1+", b: "5+" }), leaseMs + 1_000), false);
    assert.equal(returning.isOver(heartbeats({ a: "2+", b: "6+" }), leaseMs + 2_000), true);
  });

  it("a node that was not there before is not waited for", () => {
    assert.equal(startReturn([], { new: "1" })({ new: "1" }), true);
  });
});
