import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createTimers } from "../testing/timers.ts";
import {
  createAdmission,
  type Admission,
  type AdmissionOptions,
  type Precedence,
} from "./admission.ts";

function createRig(options: Partial<AdmissionOptions> = {}) {
  const timers = createTimers();
  const admission = createAdmission({
    maxInUse: 4,
    maxWaiting: 3,
    maxWaitMs: 100,
    timers,
    ...options,
  });
  /** What became of each, in the order in which it did. */
  const log: string[] = [];
  const admit = (visitor: string, name: string, precedence?: Precedence) => {
    const turn = {
      start: () => log.push(`${name} starts`),
      refuse: (reason: string) => log.push(`${name} ${reason}`),
    };
    return admission.admit(visitor, turn, precedence);
  };
  return { admission, timers, log, admit };
}

test("a visitor alone gets three quarters of the connections; one that is left is another's", () => {
  const { log, admit, admission } = createRig({ maxInUse: 8 });
  for (let index = 1; index <= 7; index += 1) admit("a", `a${index}`);
  assert.equal(admission.inUse, 6);
  assert.equal(admission.waiting, 1);
  admit("b", "b1");
  admit("c", "c1");
  admit("d", "d1");
  assert.deepEqual(log.slice(6), ["b1 starts", "c1 starts"]);
  assert.equal(admission.inUse, 8);
});

test("a trial waits for nobody, however much its visitor has in use", () => {
  const { log, admit, admission } = createRig({ maxInUse: 1 });
  const first = admit("a", "a1");
  admit("a", "a2");
  const trial = admit("a", "a3", "trial");
  assert.deepEqual(log, ["a1 starts", "a3 starts"]);
  trial();
  first();
  assert.deepEqual(log, ["a1 starts", "a3 starts", "a2 starts"]);
  assert.equal(admission.inUse, 1);
});

test("a request that has waited for the app is not refused because the queue is full", () => {
  const { log, admit, admission } = createRig({ maxInUse: 1, maxWaiting: 1 });
  admit("a", "a1");
  for (let index = 1; index <= 5; index += 1) admit(`v${index}`, `v${index}`, "waited");
  assert.equal(admission.waiting, 5);
  admit("new", "new");
  assert.deepEqual(log, ["a1 starts", "new queue_full"]);
});

test("two connections are enough for one visitor, and one for two", () => {
  const two = createRig({ maxInUse: 2 });
  two.admit("a", "a1");
  two.admit("a", "a2");
  assert.equal(two.admission.inUse, 2);
  const one = createRig({ maxInUse: 1 });
  const done = one.admit("a", "a1");
  one.admit("b", "b1");
  done();
  assert.deepEqual(one.log, ["a1 starts", "b1 starts"]);
});

test("waiting requests are served by visitor in turn, and those of one visitor in order", () => {
  const { log, admit } = createRig({ maxInUse: 1, maxWaiting: 10 });
  let done = admit("x", "x");
  const tickets = [
    admit("a", "a1"),
    admit("a", "a2"),
    admit("a", "a3"),
    admit("b", "b1"),
    admit("c", "c1"),
    admit("c", "c2"),
  ];
  // In the order of their turns.
  for (const next of [0, 3, 4, 1, 5, 2]) {
    done();
    done = tickets[next] ?? done;
  }
  assert.deepEqual(
    log.map((line) => line.split(" ")[0]),
    ["x", "a1", "b1", "c1", "a2", "c2", "a3"],
  );
});

test("a full queue takes another visitor in the place of the last of the one who waits with the most", () => {
  const { log, admit, admission } = createRig({ maxInUse: 1 });
  admit("x", "x");
  for (const name of ["a1", "a2", "a3"]) admit("a", name);
  admit("a", "a4");
  assert.deepEqual(log, ["x starts", "a4 queue_full"]);
  admit("b", "b1");
  assert.deepEqual(log.slice(2), ["a3 queue_full"]);
  admit("b", "b2");
  assert.deepEqual(log.slice(3), ["b2 queue_full"], "that would be no fairer");
  assert.equal(admission.waiting, 3);
});

test("nobody waits for longer than the limit, and who has left is not refused", () => {
  const { log, admit, timers } = createRig({ maxInUse: 1 });
  const done = admit("a", "a1");
  const leave = admit("b", "b1");
  timers.pass(60);
  admit("c", "c1");
  leave();
  timers.pass(60);
  assert.deepEqual(log, ["a1 starts"]);
  timers.pass(60);
  assert.deepEqual(log, ["a1 starts", "c1 queue_timeout"]);
  done();
  assert.deepEqual(log.length, 2);
  assert.equal(timers.pending, 0);
});

test("without a queue nobody waits", () => {
  const { log, admit } = createRig({ maxInUse: 1, maxWaiting: 0 });
  admit("a", "a1");
  admit("b", "b1");
  assert.deepEqual(log, ["a1 starts", "b1 queue_full"]);
});

test("giving a turn back twice counts once", () => {
  const { admit, admission } = createRig();
  const done = admit("a", "a1");
  done();
  admit("a", "a2");
  done();
  assert.equal(admission.inUse, 1);
});

test("whatever happens: the bounds hold, nobody is lost, and a visitor with nothing always gets the next one", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("admit" as const), visitor: fc.nat(5) }),
    fc.record({ kind: fc.constant("leave" as const), which: fc.nat(30) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(80) }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.nat(5),
      fc.array(step, { maxLength: 80, size: "max" }),
      (maxInUse, maxWaiting, steps) => {
        const timers = createTimers();
        const admission: Admission = createAdmission({
          maxInUse,
          maxWaiting,
          maxWaitMs: 100,
          timers,
        });
        const open = new Map<() => void, { visitor: string; state: string }>();
        for (const taken of steps) {
          if (taken.kind === "admit") {
            const entry = { visitor: String(taken.visitor), state: "waiting" };
            const wasFree = admission.inUse < maxInUse;
            const holdsNothing = ![...open.values()].some(
              ({ visitor, state }) => visitor === entry.visitor && state !== "refused",
            );
            const done = admission.admit(entry.visitor, {
              start: () => (entry.state = "started"),
              refuse: () => (entry.state = "refused"),
            });
            open.set(done, entry);
            if (wasFree && holdsNothing) assert.equal(entry.state, "started");
          } else if (taken.kind === "leave") {
            const done = [...open.keys()][taken.which % Math.max(1, open.size)];
            if (done) open.delete(done);
            done?.();
          } else timers.pass(taken.ms);

          const count = (state: string) =>
            [...open.values()].filter((entry) => entry.state === state).length;
          assert.equal(admission.inUse, count("started"));
          assert.equal(admission.waiting, count("waiting"));
          assert.equal(timers.pending, count("waiting"));
          assert.ok(admission.inUse <= maxInUse && admission.waiting <= maxWaiting);
        }
        for (const done of open.keys()) done();
        assert.equal(admission.inUse + admission.waiting + timers.pending, 0);
      },
    ),
  );
});
