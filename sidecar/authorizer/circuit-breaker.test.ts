import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CircuitBreaker, type Verdict } from "./circuit-breaker.ts";

/** A breaker as configured by default, with a clock of its own and a record of what happened in which order. */
function createRig({ failures = 5 } = {}) {
  const clock = { nowMs: 1_000 };
  const events: string[] = [];
  const breaker = new CircuitBreaker({
    failures,
    openMs: 10_000,
    now: () => clock.nowMs,
    report: (event) => void (event.kind === "circuit_breaker_changed" && events.push(event.state)),
  });

  /** A call whose end is in the test's hand. */
  function begin() {
    const call = Promise.withResolvers<Verdict>();
    let started = false;
    const done = breaker.run(
      () => {
        started = true;
        return call.promise;
      },
      (verdict) => verdict,
    );
    return {
      /** True if the breaker let the call run. */
      started,
      done,
      end(verdict: Verdict) {
        call.resolve(verdict);
        return done;
      },
    };
  }

  async function call(verdict: Verdict): Promise<"ran" | "rejected"> {
    events.push(`call ${verdict}`);
    const run = await begin().end(verdict);
    return run.ran ? "ran" : "rejected";
  }

  async function open(): Promise<void> {
    for (let i = 0; i < failures; i++) await call("failure");
    assert.equal(breaker.state, "open");
    events.length = 0;
  }

  return { breaker, clock, events, begin, call, open };
}

describe("CircuitBreaker", () => {
  it("proxy A14.1: closed, a success zeroes the failures in a row, and time does not", async () => {
    const { breaker, clock, call } = createRig();
    for (let i = 0; i < 4; i++) await call("failure");
    await call("success");
    for (let i = 0; i < 4; i++) await call("failure");
    assert.equal(breaker.state, "closed");
    clock.nowMs += 3_600_000;
    await call("failure");
    assert.equal(breaker.state, "open");
  });

  it("proxy A14.2: the fifth failure in a row opens it, and calls are rejected without running", async () => {
    const { breaker, begin, call } = createRig();
    for (let i = 0; i < 4; i++) assert.equal(await call("failure"), "ran");
    assert.equal(breaker.state, "closed");
    assert.equal(await call("failure"), "ran");
    assert.equal(breaker.state, "open");
    const rejected = begin();
    assert.equal(rejected.started, false);
    assert.deepEqual(await rejected.done, { ran: false });
  });

  it("proxy A14.3: it stays open until its time is over, and turns half-open with the next call", async () => {
    const { breaker, clock, call, open } = createRig();
    await open();
    clock.nowMs += 10_000;
    assert.equal(await call("success"), "rejected");
    clock.nowMs += 1;
    assert.equal(breaker.state, "open");
    assert.equal(await call("success"), "ran");
  });

  it("proxy A14.4: half-open, one call is admitted and all others are rejected at once", async () => {
    const { breaker, clock, begin, open } = createRig();
    await open();
    clock.nowMs += 10_001;
    const trial = begin();
    const others = [begin(), begin(), begin()];
    assert.equal(breaker.state, "half-open");
    assert.equal(trial.started, true);
    for (const other of others) assert.deepEqual(await other.done, { ran: false });
    await trial.end("success");
    assert.equal(begin().started, true);
  });

  it("proxy A14.5: a successful trial closes it with all counts at zero", async () => {
    const { breaker, clock, call, open } = createRig();
    await open();
    clock.nowMs += 10_001;
    await call("success");
    assert.equal(breaker.state, "closed");
    for (let i = 0; i < 4; i++) await call("failure");
    assert.equal(breaker.state, "closed");
    await call("failure");
    assert.equal(breaker.state, "open");
  });

  it("proxy A14.6: a failed trial opens it again for its whole time", async () => {
    const { breaker, clock, call, open } = createRig();
    await open();
    clock.nowMs += 60_000;
    assert.equal(await call("failure"), "ran");
    assert.equal(breaker.state, "open");
    clock.nowMs += 10_000;
    assert.equal(await call("success"), "rejected");
    clock.nowMs += 1;
    assert.equal(await call("success"), "ran");
    assert.equal(breaker.state, "closed");
  });

  it("proxy A14.7: the result of a call that began before the last change of state is ignored", async () => {
    const { breaker, clock, begin, call } = createRig();
    const stale = Array.from({ length: 12 }, () => begin());
    const end = async (verdict: Verdict): Promise<void> => void (await stale.pop()?.end(verdict));

    for (let i = 0; i < 5; i++) await call("failure");
    await end("success");
    assert.equal(breaker.state, "open", "a stale success does not close it");

    clock.nowMs += 5_000;
    await end("failure");
    clock.nowMs += 5_001;
    const trial = begin();
    assert.equal(trial.started, true, "a stale failure did not prolong it");
    await end("failure");
    await end("success");
    assert.equal(breaker.state, "half-open", "nor do stale results decide the trial");
    assert.equal(begin().started, false, "nor free its place");

    await trial.end("success");
    for (let i = 0; i < 8; i++) await end("failure");
    assert.equal(breaker.state, "closed", "stale failures do not count in the next closed state");
  });

  it("proxy A14.8: a call that throws has failed, and its error is thrown on", async () => {
    const { breaker } = createRig();
    const error = new Error("thrown");
    const fail = () =>
      breaker.run(
        () => Promise.reject(error),
        () => "success",
      );
    for (let i = 0; i < 5; i++) await assert.rejects(fail, error);
    assert.equal(breaker.state, "open");
  });

  it("proxy A14.9: rejected calls change no count", async () => {
    const { breaker, clock, events, call, open } = createRig();
    await open();
    for (let i = 0; i < 20; i++) {
      clock.nowMs += 500;
      assert.equal(await call("failure"), "rejected");
      assert.equal(await call("success"), "rejected");
    }
    assert.deepEqual(
      events.filter((event) => !event.startsWith("call")),
      [],
    );
    clock.nowMs += 1;
    assert.equal(
      await call("success"),
      "ran",
      "ten seconds after it opened, not after the last rejection",
    );
    assert.equal(breaker.state, "closed");
  });

  it("a call without a verdict changes no count", async () => {
    const { breaker, call } = createRig();
    for (let i = 0; i < 4; i++) await call("failure");
    for (let i = 0; i < 9; i++) await call("none");
    assert.equal(breaker.state, "closed");
    await call("failure");
    assert.equal(breaker.state, "open", "it did not end the row of failures either");
  });

  it("proxy A20: a trial without a verdict frees its place and decides nothing", async () => {
    const { breaker, clock, begin, call, open } = createRig();
    await open();
    clock.nowMs += 10_001;
    const aborted = begin();
    assert.equal(await call("success"), "rejected");
    await aborted.end("none");
    assert.equal(breaker.state, "half-open");
    assert.equal(await call("success"), "ran");
    assert.equal(breaker.state, "closed");
  });

  it("tells its states in the order in which they come", async () => {
    const { clock, events, call } = createRig({ failures: 2 });
    await call("failure");
    await call("failure");
    await call("success");
    clock.nowMs += 10_001;
    await call("failure");
    clock.nowMs += 10_001;
    await call("success");
    await call("success");
    assert.deepEqual(events, [
      "call failure",
      "call failure",
      "open",
      "call success",
      "call failure",
      "half-open",
      "open",
      "call success",
      "half-open",
      "closed",
      "call success",
    ]);
  });

  it("proxy A14: admits and rejects what gobreaker would, whatever ends in whatever order", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant({ type: "begin" } as const) },
      {
        weight: 3,
        arbitrary: fc.record({
          type: fc.constant("end" as const),
          which: fc.nat(9),
          verdict: fc.constantFrom<Verdict>("success", "failure", "failure", "none"),
        }),
      },
      fc.record({
        type: fc.constant("wait" as const),
        ms: fc.constantFrom(1, 5_000, 10_000, 10_001),
      }),
    );
    const seen = { rejected: 0, "half-open": 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        const { breaker, clock, begin } = createRig({ failures: 2 });
        const model = createModel({ failures: 2, openMs: 10_000 });
        const running: { call: ReturnType<typeof begin>; generation: number }[] = [];
        for (const step of steps) {
          if (step.type === "wait") {
            clock.nowMs += step.ms;
          } else if (step.type === "begin") {
            const call = begin();
            const generation = model.begin(clock.nowMs);
            assert.equal(call.started, generation !== null);
            if (generation !== null) running.push({ call, generation });
            else seen.rejected++;
            if (breaker.state === "half-open") seen["half-open"]++;
          } else if (running.length > 0) {
            const [ended] = running.splice(step.which % running.length, 1);
            await ended?.call.end(step.verdict);
            if (ended) model.end(ended.generation, step.verdict, clock.nowMs);
          }
        }
        for (const { call } of running) await call.end("none");
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

  function expire(nowMs: number): void {
    if (state === "open" && expiryMs < nowMs) enter("half-open", nowMs);
  }

  return {
    begin(nowMs: number): number | null {
      expire(nowMs);
      if (state === "open" || (state === "half-open" && requests >= 1)) return null;
      requests++;
      return generation;
    },
    end(begunIn: number, verdict: Verdict, nowMs: number): void {
      expire(nowMs);
      if (begunIn !== generation) return;
      if (verdict === "none") requests--;
      else if (verdict === "success") {
        failuresInARow = 0;
        if (state === "half-open") enter("closed", nowMs);
      } else if (state === "half-open" || ++failuresInARow >= failures) enter("open", nowMs);
    },
  };
}
