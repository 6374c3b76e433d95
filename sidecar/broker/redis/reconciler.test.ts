import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Reconciler, type Change } from "./reconciler.ts";

/** What is stored elsewhere; takes its time, and may fail with or without having stored what it was sent. */
function createRig() {
  const stored = new Map<string, number>();
  const batches: string[] = [];
  let time = new AbortController();
  let fails: "before" | "after" | null = null;
  let faults = 0;
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const reconciler = new Reconciler<string, number>({
    plan: (changes) => changes.map((change) => [change]),
    async send(batch: readonly Change<string, number>[]) {
      batches.push(batch.map(({ key, value }) => `${key}=${value ?? "-"}`).join());
      await turn();
      if (fails === "before") throw new Error("not stored");
      for (const { key, value } of batch) {
        if (value === undefined) stored.delete(key);
        else stored.set(key, value);
      }
      await turn();
      if (fails === "after") throw new Error("stored, and nobody knows");
    },
    onFault: () => (faults += 1),
  });
  return {
    reconciler,
    stored,
    batches,
    turn,
    resync: () => reconciler.resync(() => stored, time.signal),
    lose: () => {
      time.abort();
      time = new AbortController();
    },
    fail: (how: typeof fails) => (fails = how),
    faults: () => faults,
  };
}

describe("the reconciler", () => {
  it("sends nothing before it knows what is stored, then what differs", async () => {
    const { reconciler, stored, batches, resync } = createRig();
    for (const key of ["same", "other", "gone"]) stored.set(key, 1);
    reconciler.set("same", 1);
    reconciler.set("other", 2);
    reconciler.set("new", 3);
    await reconciler.flush();
    assert.deepEqual(batches, []);
    await resync();
    assert.deepEqual(
      batches.toSorted((a, b) => (a < b ? -1 : 1)),
      ["gone=-", "new=3", "other=2"],
    );
  });

  it("a change undone before it was sent is not sent", async () => {
    const { reconciler, batches, resync } = createRig();
    await resync();
    reconciler.set("a", 1);
    reconciler.set("a", undefined);
    reconciler.set("b", 1);
    reconciler.set("b", 2);
    await reconciler.flush();
    assert.deepEqual(batches, ["b=2"]);
  });

  it("undoing a change while it is being sent is sent as well", async () => {
    const { reconciler, stored, batches, resync, turn } = createRig();
    await resync();
    reconciler.set("a", 1);
    await turn();
    assert.ok(reconciler.isStored("a"), "on its way");
    reconciler.set("a", undefined);
    await reconciler.flush();
    assert.deepEqual(batches, ["a=1", "a=-"]);
    assert.equal(stored.size, 0);
  });

  it("a change made during the comparison is sent right after", async () => {
    const { reconciler, stored, resync, turn } = createRig();
    reconciler.set("a", 1);
    const resyncing = resync();
    await turn();
    reconciler.set("a", 2);
    reconciler.set("b", 1);
    await resyncing;
    assert.deepEqual(
      [...stored],
      [
        ["a", 2],
        ["b", 1],
      ],
    );
  });

  it("a batch that fails is one fault, and nothing is sent until it knows again", async () => {
    const { reconciler, batches, resync, fail, faults } = createRig();
    await resync();
    fail("before");
    reconciler.set("a", 1);
    await reconciler.flush();
    assert.equal(faults(), 1);
    reconciler.set("b", 1);
    await reconciler.flush();
    assert.deepEqual(batches, ["a=1"]);
    fail(null);
    await resync();
    assert.deepEqual(batches, ["a=1", "a=1", "b=1"]);
  });

  it("a failure in a past period of availability is no fault of the next one", async () => {
    const { reconciler, resync, lose, fail, faults, turn } = createRig();
    await resync();
    fail("after");
    reconciler.set("a", 1);
    await turn();
    lose();
    const resyncing = resync();
    await turn();
    fail(null);
    await resyncing;
    assert.equal(faults(), 0);
  });

  it("a batch in flight when the period ended is waited for, and the rest of it is not sent", async () => {
    const { reconciler, stored, batches, resync, lose, turn } = createRig();
    await resync();
    for (const key of ["a", "b", "c"]) reconciler.set(key, 1);
    await turn();
    for (const key of ["a", "b", "c"]) reconciler.set(key, undefined);
    lose();
    await resync();
    assert.deepEqual(batches, ["a=1", "a=-"]);
    assert.equal(stored.size, 0);
  });

  it("nor what was left of a comparison that was lost", async () => {
    const { reconciler, stored, batches, resync, lose, turn } = createRig();
    reconciler.set("a", 1);
    reconciler.set("b", 1);
    const first = assert.rejects(resync());
    await turn();
    lose();
    reconciler.set("a", 2);
    reconciler.set("b", 2);
    await resync();
    await first;
    assert.deepEqual(batches, ["a=1", "a=2", "b=2"]);
    assert.deepEqual([...stored], [...reconciler.stored]);
  });

  it("lost while it compares: it rejects", async () => {
    const { reconciler, resync, lose } = createRig();
    reconciler.set("a", 1);
    const resyncing = resync();
    lose();
    await assert.rejects(resyncing);
  });

  it("whatever changes and fails, in the end that is stored which is desired; who waited for it has it", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("set" as const),
        key: fc.constantFrom("a", "b", "c"),
        value: fc.option(fc.nat(2), { nil: undefined }),
      }),
      fc.record({ do: fc.constant("turn" as const) }),
      fc.record({
        do: fc.constant("fail" as const),
        how: fc.constantFrom("before" as const, "after" as const),
      }),
      fc.record({ do: fc.constant("lose" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
        const { reconciler, stored, turn, resync, lose, fail } = createRig();
        await resync();
        const desired = new Map<string, number>();
        /** The step that set it last. */
        const setBy = new Map<string, object>();
        let losses = 0;
        const checks: Promise<void>[] = [];
        for (const at of steps) {
          if (at.do === "set") {
            if (at.value === undefined) desired.delete(at.key);
            else desired.set(at.key, at.value);
            setBy.set(at.key, at);
            reconciler.set(at.key, at.value);
            const before = losses;
            checks.push(
              (async () => {
                await reconciler.flushKey(at.key);
                if (losses !== before || setBy.get(at.key) !== at) return;
                assert.equal(stored.get(at.key), at.value);
              })(),
            );
          } else if (at.do === "turn") {
            await turn();
          } else {
            losses += 1;
            if (at.do === "fail") fail(at.how);
            await turn();
            lose();
            fail(null);
            await resync();
          }
        }
        await Promise.all(checks);
        await reconciler.flush();
        const sort = (map: Map<string, number>) =>
          [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(sort(stored), sort(desired));
        assert.deepEqual(sort(new Map(reconciler.stored)), sort(desired));
      }),
      { numRuns: 5000 },
    );
  });
});
