import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SidecarEvent } from "../core/report.ts";
import type { Delivery } from "./deliver.ts";
import { EndpointQueue, type QueueLimits } from "./endpoint-queue.ts";
import { plain } from "./testing/events.ts";
import { createFakeClock } from "./testing/fake-clock.ts";

const limits: QueueLimits = {
  batchWindowMs: 100,
  maxBatchEvents: 3,
  maxBatchBytes: 1_000,
  maxQueuedEvents: 10,
  maxQueuedBytes: 10_000,
  retry: { firstMs: 1_000, maxMs: 8_000, giveUpAfterMs: 60_000 },
};
const failure: Delivery = { ok: false, fault: { kind: "status", status: 500 } };
const origin = { appId: "1", endpoint: "a.test:80" };
const success: Delivery = { ok: true, status: 200 };

/** A queue with a clock of its own; each attempt's end is in the test's hand. */
function createRig(overrides: Partial<QueueLimits> = {}) {
  const clock = createFakeClock();
  const attempts: { body: string; headers: object; end: (delivery: Delivery) => void }[] = [];
  const log: string[] = [];
  let clientClosed = false;
  const queue = new EndpointQueue({
    limits: { ...limits, ...overrides },
    app: { key: "k", secret: "s" },
    client: {
      post(body, headers) {
        const { promise, resolve } = Promise.withResolvers<Delivery>();
        attempts.push({ body: body.toString(), headers, end: resolve });
        return promise;
      },
      close: () => (clientClosed = true),
    },
    clock,
    // Whole delays.
    random: () => 1,
    origin,
    report: (event) => log.push(textOf(event)),
  });
  let pushed = 0;

  return {
    clock,
    queue,
    log,
    attempts,
    isClientClosed: () => clientClosed,
    /** Pushes so many; their names are running numbers. */
    push(count = 1, bytes = 1): void {
      for (let i = 0; i < count; i++) {
        pushed += 1;
        const event = { ...plain, json: String(pushed), bytes, atMs: clock.unixMs() };
        queue.push(event);
      }
    },
    /** Ends the attempt that is under way. */
    async end(delivery: Delivery): Promise<void> {
      attempts.at(-1)?.end(delivery);
      await settle();
    },
    /** The events of every attempt so far. */
    sent: (): number[][] => attempts.map(({ body }) => JSON.parse(body).events),
  };
}

function textOf(event: SidecarEvent): string {
  switch (event.kind) {
    case "webhook_dropped":
      return `${event.events} ${event.reason}`;
    case "webhook_delivered":
      return `${event.events} delivered ${event.status} in ${event.durationMs}`;
    case "webhook_failed": {
      const { events, fault, failures, retryInMs } = event;
      const what = fault.kind === "status" ? fault.status : fault.kind;
      return `${events} ${what} #${failures} retry ${retryInMs}`;
    }
    default:
      return event.kind;
  }
}

/** Lets what waits for a promise go on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("EndpointQueue, batches", () => {
  it("W03: the first event waits for others for the window, and no longer", () => {
    const { clock, push, sent } = createRig();
    push();
    clock.advance(60);
    push();
    clock.advance(39);
    assert.deepEqual(sent(), []);
    clock.advance(1);
    assert.deepEqual(sent(), [[1, 2]]);
  });

  it("W03: a whole batch does not wait, but is never sent by push itself", () => {
    const { clock, push, sent } = createRig();
    push(3);
    assert.deepEqual(sent(), []);
    clock.advance(0);
    assert.deepEqual(sent(), [[1, 2, 3]]);
  });

  it("W05: one request at a time, in order, without a pause between whole batches", async () => {
    const { clock, push, sent, end, log } = createRig();
    push(8);
    clock.advance(0);
    clock.advance(1_000);
    assert.deepEqual(sent(), [[1, 2, 3]]);
    await end(success);
    clock.advance(0);
    assert.deepEqual(sent().slice(1), [[4, 5, 6]]);
    await end(success);
    // These two have waited their window.
    clock.advance(0);
    assert.deepEqual(sent().slice(2), [[7, 8]]);
    await end(success);
    assert.deepEqual(log, [
      "3 delivered 200 in 1000",
      "3 delivered 200 in 0",
      "2 delivered 200 in 0",
    ]);
    assert.equal(clock.timers, 0);
  });

  it("W03: events that come during a request wait for their own window", async () => {
    const { clock, push, sent, end } = createRig();
    push();
    clock.advance(100);
    push();
    clock.advance(30);
    await end(success);
    clock.advance(69);
    assert.deepEqual(sent(), [[1]]);
    clock.advance(1);
    assert.deepEqual(sent(), [[1], [2]]);
  });

  it("W07: a batch is bounded in bytes, a longer event goes by itself", async () => {
    const { clock, push, sent, end } = createRig();
    push(2, 600);
    push(1, 5_000);
    clock.advance(0);
    for (let i = 0; i < 3; i++) {
      await end(success);
      clock.advance(100);
    }
    assert.deepEqual(sent(), [[1], [2], [3]]);
  });
});

describe("EndpointQueue, failures", () => {
  it("W06: the same bytes and headers again, later and later, and the others behind them", async () => {
    const { clock, push, attempts, sent, end, log } = createRig();
    push();
    clock.advance(100);
    push();
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      await end(failure);
      const before = attempts.length;
      clock.advance(delayMs - 1);
      assert.equal(attempts.length, before);
      clock.advance(1);
      assert.equal(attempts.length, before + 1);
    }
    assert.equal(new Set(attempts.map(({ body }) => body)).size, 1);
    assert.equal(new Set(attempts.map(({ headers }) => JSON.stringify(headers))).size, 1);
    await end(success);
    clock.advance(0);
    assert.deepEqual(sent().at(-1), [2]);
    assert.deepEqual(log.slice(-2), ["1 500 #5 retry 8000", "1 delivered 200 in 0"]);
  });

  it("W06: after a success the wait is short again", async () => {
    const { clock, push, end, log } = createRig();
    push();
    clock.advance(100);
    await end(failure);
    clock.advance(1_000);
    await end(success);
    push();
    clock.advance(100);
    await end(failure);
    assert.equal(log.at(-1), "1 500 #1 retry 1000");
  });

  it("W06: chance shortens the wait", async () => {
    const clock = createFakeClock();
    const retries: (number | null)[] = [];
    const queue = new EndpointQueue({
      limits,
      app: { key: "k", secret: "s" },
      client: { post: () => Promise.resolve(failure), close: () => undefined },
      clock,
      random: () => 0,
      origin,
      report: (event) => void (event.kind === "webhook_failed" && retries.push(event.retryInMs)),
    });
    queue.push(plain);
    clock.advance(100);
    await settle();
    assert.deepEqual(retries, [500]);
    queue.close();
  });

  it("W06: a last attempt is made when the time is over; then the batch is dropped", async () => {
    const { clock, push, end, attempts, log, queue } = createRig();
    const atMs: number[] = [];
    push();
    clock.advance(100);
    while (atMs.length < attempts.length) {
      atMs.push(clock.now() - 100);
      await end(failure);
      for (let i = 0; i < 8_000 && attempts.length === atMs.length; i++) clock.advance(1);
    }
    assert.deepEqual(
      atMs,
      [0, 1_000, 3_000, 7_000, 15_000, 23_000, 31_000, 39_000, 47_000, 55_000, 60_000],
    );
    assert.deepEqual(log.slice(-2), ["1 gave_up", "1 500 #11 retry null"]);
    assert.equal(queue.depth, 0);
  });

  it("W06: giving up does not end the wait: a dead endpoint is not asked more often", async () => {
    const { clock, push, end, attempts, log } = createRig();
    push();
    clock.advance(100);
    for (let i = 0; i < 8; i++) {
      await end(failure);
      clock.advance(8_000);
    }
    await end(failure);
    assert.equal(log.at(-1), "1 500 #9 retry null");
    const before = attempts.length;
    push();
    clock.advance(7_999);
    assert.equal(attempts.length, before);
    clock.advance(1);
    assert.equal(attempts.length, before + 1);
    await end(success);
    push();
    clock.advance(100);
    assert.equal(attempts.length, before + 2);
  });

  it("W06: events that waited just as long are dropped with it, later ones are not", async () => {
    const { clock, push, end, log, sent, queue } = createRig();
    push(5);
    clock.advance(0);
    await end(failure);
    clock.advance(30_000);
    await end(failure);
    push(1);
    clock.advance(20_000);
    push(1);
    clock.advance(10_000);
    await end(failure);
    assert.deepEqual(log.slice(-2), ["5 gave_up", "3 500 #3 retry null"]);
    assert.equal(queue.depth, 2);
    clock.advance(8_000);
    assert.deepEqual(sent().at(-1), [6, 7]);
    // Its time runs from when its last event came: 50 seconds after the first.
    clock.advance(41_999);
    await end(failure);
    assert.equal(log.at(-1), "2 500 #4 retry 1");
    clock.advance(1);
    await end(failure);
    assert.deepEqual(log.slice(-2), ["2 gave_up", "2 500 #5 retry null"]);
  });

  it("W06: events that waited long for a slow endpoint are not given up at its first failure", async () => {
    const { clock, push, end, log, queue } = createRig();
    push(9);
    clock.advance(0);
    clock.advance(120_000);
    await end(success);
    clock.advance(0);
    await end(failure);
    assert.equal(log.at(-1), "3 500 #1 retry 1000");
    assert.equal(queue.depth, 6);
  });
});

describe("EndpointQueue, bounds", () => {
  it("W07: beyond so many events the newest is dropped and counted, those under way included", async () => {
    const { clock, push, queue, log, sent, end } = createRig({ maxQueuedEvents: 4 });
    push(3);
    clock.advance(0);
    push(3);
    assert.deepEqual(log, ["1 queue_full", "1 queue_full"]);
    assert.equal(queue.depth, 4);
    await end(success);
    assert.equal(queue.depth, 1);
    push(1);
    clock.advance(100);
    assert.deepEqual(sent(), [
      [1, 2, 3],
      [4, 7],
    ]);
  });

  it("W07: beyond so many bytes the newest is dropped and counted", async () => {
    const { clock, push, log, queue, end } = createRig({ maxQueuedBytes: 1_000 });
    push(1, 400);
    clock.advance(100);
    push(1, 600);
    push(1, 1);
    assert.deepEqual(log, ["1 queue_full"]);
    await end(success);
    push(1, 401);
    assert.deepEqual(log.slice(2), ["1 queue_full"]);
    push(1, 400);
    assert.equal(queue.depth, 2);
  });
});

describe("EndpointQueue, the end", () => {
  it("W11: drain() waits for no window and resolves when all is delivered", async () => {
    const { clock, push, queue, sent, end } = createRig();
    push(4);
    let isDrained = false;
    void queue.drain().then(() => (isDrained = true));
    assert.deepEqual(sent(), [[1, 2, 3]]);
    await end(success);
    push(1);
    clock.advance(0);
    assert.deepEqual(sent()[1], [4, 5]);
    assert.equal(isDrained, false);
    await end(success);
    assert.equal(isDrained, true);
    assert.equal(clock.timers, 0);
  });

  it("W11: drain() does not sit out a long wait, and tries again from the shortest", async () => {
    const { clock, push, queue, attempts, end, log } = createRig();
    push();
    clock.advance(100);
    for (let i = 0; i < 4; i++) {
      await end(failure);
      clock.advance(8_000);
    }
    await end(failure);
    const before = attempts.length;
    const drained = queue.drain();
    assert.equal(attempts.length, before + 1);
    await end(failure);
    assert.equal(log.at(-1), "1 500 #1 retry 1000");
    clock.advance(1_000);
    await end(success);
    await drained;
  });

  it("W11: drain() ends with a batch that is given up", async () => {
    const { clock, push, queue, end } = createRig();
    push();
    clock.advance(100);
    const drained = queue.drain();
    clock.advance(60_000);
    await end(failure);
    await drained;
    queue.close();
    assert.equal(clock.timers, 0);
  });

  it("W11: drain() of a queue with nothing in it, and of a closed one, resolves", async () => {
    const { queue } = createRig();
    await queue.drain();
    const closed = createRig().queue;
    closed.close();
    await closed.drain();
  });

  it("W11: close() drops and counts what is collected, under way or to be tried again, once", async () => {
    const collecting = createRig();
    collecting.push(2);
    const sending = createRig();
    sending.push(4);
    sending.clock.advance(0);
    const backingOff = createRig();
    backingOff.push(5);
    backingOff.clock.advance(0);
    await backingOff.end(failure);

    for (const [rig, count] of [
      [collecting, 2],
      [sending, 4],
      [backingOff, 5],
    ] as const) {
      const drained = rig.queue.drain();
      rig.queue.close();
      rig.queue.close();
      await drained;
      assert.equal(rig.log.at(-1), `${count} shutdown`);
      assert.ok(rig.isClientClosed());
      assert.equal(rig.queue.depth, 0);
      assert.equal(rig.clock.timers, 0);
      const { length } = rig.log;
      await rig.end(success);
      rig.clock.advance(100_000);
      assert.equal(rig.log.length, length, "what ends after close is not reported");
      rig.push(1);
      assert.equal(rig.log.at(-1), "1 shutdown");
    }
  });
});
