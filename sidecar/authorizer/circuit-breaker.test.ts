import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CircuitBreaker, firstOpenMs, type Admission, type Evidence } from "./circuit-breaker.ts";

/** A breaker as configured by default, with a clock of its own and a record of its states. */
function createRig({ failures = 5, openMs = 10_000 } = {}) {
  const clock = { nowMs: 1_000 };
  const states: string[] = [];
  const onState = (state: string) => states.push(state);
  const breaker = new CircuitBreaker({ failures, openMs, onState });

  /** Null if it is rejected. */
  function begin(): Admission | null {
    return breaker.admitsFromMs <= clock.nowMs ? breaker.begin() : null;
  }

  function end(begun: Admission | null | undefined, evidence: Evidence, visitor = "a"): void {
    if (begun) breaker.end(begun, evidence, visitor, clock.nowMs);
  }

  function call(evidence: Evidence, visitor = "a"): "ran" | "rejected" {
    const begun = begin();
    end(begun, evidence, visitor);
    return begun ? "ran" : "rejected";
  }

  function open(): void {
    for (let i = 0; i < failures; i++) call("unreachable");
    assert.equal(breaker.state, "open");
    states.length = 0;
  }

  return { breaker, clock, states, begin, end, call, open };
}

describe("CircuitBreaker", () => {
  it("proxy A14.1: closed, an answer zeroes the failures in a row, and time does not", () => {
    const { breaker, clock, call } = createRig();
    for (let i = 0; i < 4; i++) call("unreachable");
    call("answered");
    for (let i = 0; i < 4; i++) call("unreachable");
    assert.equal(breaker.state, "closed");
    clock.nowMs += 3_600_000;
    call("unreachable");
    assert.equal(breaker.state, "open");
  });

  it("proxy A14.2: the fifth refused connection in a row opens it, whoever asked, and calls are rejected", () => {
    const { breaker, call } = createRig();
    for (let i = 0; i < 5; i++) assert.equal(call("unreachable"), "ran");
    assert.equal(breaker.state, "open");
    assert.equal(call("answered"), "rejected");
  });

  it("proxy A17: what is unanswered counts once a visitor in a row", () => {
    const { breaker, call } = createRig();
    for (let i = 0; i < 100; i++) call("unanswered", "a");
    for (const visitor of ["b", "c", "d"]) call("unanswered", visitor);
    for (let i = 0; i < 100; i++) call("unanswered", "b");
    assert.equal(breaker.state, "closed");
    call("unanswered", "e");
    assert.equal(breaker.state, "open");
  });

  it("proxy A17: an answer to anybody ends that row", () => {
    const { breaker, call } = createRig();
    for (const visitor of ["a", "b", "c", "d"]) call("unanswered", visitor);
    call("answered", "z");
    for (const visitor of ["a", "b", "c", "d"]) call("unanswered", visitor);
    assert.equal(breaker.state, "closed");
  });

  it("proxy A14.3: it stays open until its time is over, and turns half-open with the next call", () => {
    const { breaker, clock, call, open } = createRig();
    open();
    clock.nowMs += firstOpenMs - 1;
    assert.equal(call("answered"), "rejected");
    clock.nowMs += 1;
    assert.equal(breaker.state, "open");
    assert.equal(call("answered"), "ran");
    assert.equal(breaker.state, "closed");
  });

  it("proxy A14.4: half-open, one call is admitted and all others are rejected", () => {
    const { breaker, clock, begin, end, open } = createRig();
    open();
    clock.nowMs += firstOpenMs;
    const trial = begin();
    assert.ok(trial);
    assert.equal(breaker.state, "half-open");
    for (let i = 0; i < 3; i++) assert.equal(begin(), null);
    end(trial, "answered");
    assert.ok(begin());
  });

  it("proxy A14.5: a successful trial closes it with all counts at zero", () => {
    const { breaker, clock, call, open } = createRig();
    open();
    clock.nowMs += firstOpenMs;
    call("answered");
    for (let i = 0; i < 4; i++) call("unreachable");
    assert.equal(breaker.state, "closed");
    call("unreachable");
    assert.equal(breaker.state, "open");
  });

  it("proxy A14.6: a trial that is refused again opens it for twice as long, up to its longest time", () => {
    const { clock, call, open } = createRig();
    open();
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      clock.nowMs += waitMs - 1;
      assert.equal(call("answered"), "rejected");
      clock.nowMs += 1;
      assert.equal(call("unreachable"), "ran");
    }
    clock.nowMs += 10_000;
    call("answered");
    open();
    clock.nowMs += firstOpenMs;
    assert.equal(call("answered"), "ran", "the next outage begins with a second again");
  });

  it("a trial without an answer, which may be its visitor's own fault, is followed by the next one soon", () => {
    const { clock, call, open } = createRig();
    open();
    for (let i = 0; i < 9; i++) {
      clock.nowMs += firstOpenMs;
      assert.equal(call("unanswered"), "ran");
    }
  });

  it("never stays open longer than its longest time", () => {
    const { clock, call, open } = createRig({ openMs: 200 });
    open();
    clock.nowMs += 200;
    assert.equal(call("answered"), "ran");
  });

  it("proxy A14.7: the result of a call that began before the last change of state is ignored", () => {
    const { breaker, clock, begin, end, call } = createRig();
    const stale = Array.from({ length: 12 }, () => begin());
    for (let i = 0; i < 5; i++) call("unreachable");
    end(stale.pop(), "answered");
    assert.equal(breaker.state, "open", "a stale answer does not close it");

    clock.nowMs += 500;
    end(stale.pop(), "unreachable");
    clock.nowMs += 500;
    const trial = begin();
    assert.ok(trial, "a stale failure did not prolong it");
    end(stale.pop(), "unreachable");
    end(stale.pop(), "answered");
    assert.equal(breaker.state, "half-open", "nor do stale results decide the trial");
    assert.equal(begin(), null, "nor free its place");

    end(trial, "answered");
    for (let i = 0; i < 8; i++) end(stale.pop(), "unreachable");
    assert.equal(breaker.state, "closed", "stale failures do not count in the next closed state");
  });

  it("proxy A20: what says nothing changes no count; as a trial it frees its place", () => {
    const { breaker, clock, begin, end, call } = createRig();
    for (let i = 0; i < 4; i++) call("unreachable");
    for (let i = 0; i < 9; i++) call("none");
    assert.equal(breaker.state, "closed");
    call("unreachable");
    clock.nowMs += firstOpenMs;
    const trial = begin();
    end(trial, "none");
    assert.equal(breaker.state, "half-open");
    assert.equal(call("answered"), "ran");
  });

  it("reports its states in the order in which they come", () => {
    const { clock, states, call } = createRig({ failures: 2 });
    call("unreachable");
    call("unreachable");
    clock.nowMs += firstOpenMs;
    call("unreachable");
    clock.nowMs += 2 * firstOpenMs;
    call("answered");
    call("answered");
    assert.deepEqual(states, ["open", "half-open", "open", "half-open", "closed"]);
  });

  it("proxy A14: admits and rejects what gobreaker would, whatever ends in whatever order (property)", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant({ type: "begin" } as const) },
      {
        weight: 3,
        arbitrary: fc.record({
          type: fc.constant("end" as const),
          which: fc.nat(9),
          evidence: fc.constantFrom<Evidence>("answered", "unreachable", "unreachable", "none"),
        }),
      },
      fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(1, 400, 500, 501) }),
    );
    const seen = { rejected: 0, "half-open": 0 };
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: "max" }), (steps) => {
        // Its longest time is below the first one, so that each time is as long, as gobreaker's.
        const { breaker, clock, begin, end } = createRig({ failures: 2, openMs: 500 });
        const model = createModel({ failures: 2, openMs: 500 });
        const running: { begun: Admission; generation: number }[] = [];
        for (const step of steps) {
          if (step.type === "wait") {
            clock.nowMs += step.ms;
          } else if (step.type === "begin") {
            const begun = begin();
            const generation = model.begin(clock.nowMs);
            assert.equal(begun === null, generation === null);
            if (begun && generation !== null) running.push({ begun, generation });
            else seen.rejected++;
            if (breaker.state === "half-open") seen["half-open"]++;
          } else if (running.length > 0) {
            const [ended] = running.splice(step.which % running.length, 1);
            end(ended?.begun, step.evidence);
            if (ended) model.end(ended.generation, step.evidence, clock.nowMs);
          }
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(seen.rejected > 0 && seen["half-open"] > 0, "the interesting states were reached");
  });
});

/** gobreaker's own bookkeeping (numbered generations, counters beside the state), to compare with. */
function createModel({ failures, openMs }: { failures: number; openMs: number }) {
  let state: "closed" | "open" | "half-open" = "closed";
  let generation = 0;
  let expiryMs = 0;
  let requests = 0;
  let failuresInARow = 0;

  function enter(next: typeof state, nowMs: number): void {
    state = next;
    generation++;
    requests = 0;
    failuresInARow = 0;
    expiryMs = nowMs + openMs;
  }

  return {
    begin(nowMs: number): number | null {
      if (state === "open" && expiryMs <= nowMs) enter("half-open", nowMs);
      if (state === "open" || (state === "half-open" && requests >= 1)) return null;
      requests++;
      return generation;
    },
    end(begunIn: number, evidence: Evidence, nowMs: number): void {
      if (begunIn !== generation) return;
      if (evidence === "none") requests--;
      else if (evidence === "answered") {
        failuresInARow = 0;
        if (state === "half-open") enter("closed", nowMs);
      } else if (state === "half-open" || ++failuresInARow >= failures) enter("open", nowMs);
    },
  };
}
