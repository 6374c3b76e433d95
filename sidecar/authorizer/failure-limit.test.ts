import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FailureLimit, type CountedOutcome } from "./failure-limit.ts";
import type { Place } from "./fair-queue.ts";
import { VisitorLimit } from "./visitor-limit.ts";

const options = { maxFailures: 2, maxDenials: 3, windowMs: 1_000 };

function record(limit: FailureLimit, outcomes: readonly CountedOutcome[], nowMs = 0, key = "a") {
  for (const outcome of outcomes) limit.record(key, outcome, nowMs);
}

describe("FailureLimit", () => {
  it("proxy A17: blocks after so many failures, or denials, until the first of them leaves the window", () => {
    const limit = new FailureLimit(options);
    record(limit, ["failed"], 100);
    assert.equal(limit.blockedUntilMs("a"), 0);
    record(limit, ["failed"], 300);
    assert.equal(limit.blockedUntilMs("a"), 1_100);
    record(limit, ["denied", "denied", "denied"], 500);
    assert.equal(limit.blockedUntilMs("a"), 1_500);
    assert.equal(limit.blockedUntilMs("b"), 0, "others are not concerned");
  });

  it("only the last ones count", () => {
    const limit = new FailureLimit(options);
    for (const nowMs of [0, 800, 1_600]) record(limit, ["failed"], nowMs);
    assert.equal(limit.blockedUntilMs("a"), 1_800);
  });

  it("a yes ends the failures, and no denial", () => {
    const limit = new FailureLimit(options);
    record(limit, ["failed", "failed", "ok"]);
    assert.equal(limit.blockedUntilMs("a"), 0);
    record(limit, ["denied", "denied", "denied", "ok"]);
    assert.equal(limit.blockedUntilMs("a"), 1_000);
  });

  it("a denial ends no failures: who causes them could make it", () => {
    const limit = new FailureLimit(options);
    record(limit, ["failed", "denied", "failed"]);
    assert.equal(limit.blockedUntilMs("a"), 1_000);
  });

  it("forgets whom the window has left behind", () => {
    const limit = new FailureLimit(options);
    record(limit, ["failed", "failed"], 0, "old");
    record(limit, ["failed"], 1_000, "new");
    assert.equal(limit.blockedUntilMs("old"), 0);
  });
});

describe("VisitorLimit", () => {
  const place = (session: string, isProven = false): Place => ({ address: "a", session, isProven });

  it("sessions that are not proven count for their address together, ten times as many", () => {
    const limit = new VisitorLimit(options);
    for (let i = 0; i < 29; i++) limit.record(place(`made up ${i}`), "denied", 0);
    assert.equal(limit.isBlocked(place("another"), 0), false);
    limit.record(place("made up 29"), "denied", 0);
    assert.equal(limit.isBlocked(place("another"), 0), true);
    assert.equal(limit.isBlocked(place("ada", true), 0), false, "a proven one is not concerned");
    assert.equal(limit.isBlocked({ ...place("another"), address: "b" }, 0), false);
    assert.equal(limit.isBlocked(place("another"), 1_000), false);
  });

  it("a proven one counts for itself", () => {
    const limit = new VisitorLimit(options);
    for (let i = 0; i < 300; i++) limit.record(place("ada", true), "denied", 0);
    assert.equal(limit.isBlocked(place("ada", true), 0), true);
    assert.equal(limit.isBlocked(place("bob", true), 0), false);
    assert.equal(limit.isBlocked(place("new"), 0), false);
  });
});
