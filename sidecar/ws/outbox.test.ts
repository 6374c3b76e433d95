import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { encodeFrame, type Frame } from "../core/frame.ts";
import { recordReports } from "../core/testing/doubles.ts";
import { Outbox, type OutboundQueue } from "./outbox.ts";

/** A socket whose client reads only when told to. */
class SlowSocket extends Duplex {
  readonly writes: Buffer[] = [];
  #waiting: (() => void) | null = null;
  isReading = true;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk);
    if (this.isReading) done();
    else this.#waiting = done;
  }

  resumeReading(): void {
    this.isReading = true;
    this.#waiting?.();
  }
}

function createOutbox(options: { maxQueuedBytes?: number; writesPerTurn?: number } = {}) {
  const turns: (() => void)[] = [];
  const reports = recordReports();
  const outbox = new Outbox({
    maxQueuedBytes: options.maxQueuedBytes ?? 1_000_000,
    writesPerTurn: options.writesPerTurn ?? 100,
    schedule: (flush) => void turns.push(flush),
    report: reports.report,
  });
  return {
    outbox,
    /** Runs one turn of the event loop; false if nothing was scheduled. */
    turn(): boolean {
      const flush = turns.shift();
      flush?.();
      return flush !== undefined;
    },
    get scheduled() {
      return turns.length;
    },
    /** Whose they were. */
    dropped: () => reports.of("frame_dropped").map(({ appId }) => appId),
  };
}

const dropped = { kind: "frame_dropped", appId: "app-id" } as const;

function createQueue(): OutboundQueue & { socket: SlowSocket } {
  return { dropped, socket: new SlowSocket(), pending: null, isFull: false };
}

function texts(frames: Iterable<Frame>): string {
  return [...frames].map((frame) => frame.toString("latin1")).join("");
}

describe("outbox", () => {
  const [a, b, c] = [encodeFrame("a"), encodeFrame("bb"), encodeFrame("ccc")];

  it("writes nothing before the turn ends, then once however many frames wait", () => {
    const { outbox, turn } = createOutbox();
    const queue = createQueue();
    for (const frame of [a, b, c]) outbox.enqueue(queue, frame);
    assert.equal(queue.socket.writes.length, 0);
    turn();
    assert.equal(queue.socket.writes.length, 1);
    assert.equal(texts(queue.socket.writes), texts([a, b, c]));
    assert.equal(turn(), false, "nothing is left to do");
  });

  it("shares one buffer among connections with the same frames, and copies a single frame never", () => {
    const { outbox, turn } = createOutbox();
    const [one, two, other] = [createQueue(), createQueue(), createQueue()];
    for (const frame of [a, b]) for (const queue of [one, two]) outbox.enqueue(queue, frame);
    outbox.enqueue(other, a);
    turn();
    assert.equal(one.socket.writes[0], two.socket.writes[0]);
    assert.equal(other.socket.writes[0], a);
  });

  it("keeps each connection's own order where they part", () => {
    const { outbox, turn } = createOutbox();
    const queues = [createQueue(), createQueue(), createQueue()];
    const orders = [
      [a, b, c],
      [b, a, c],
      [a, c],
    ];
    for (const [index, queue] of queues.entries()) {
      for (const frame of orders[index] ?? []) outbox.enqueue(queue, frame);
    }
    turn();
    for (const [index, queue] of queues.entries()) {
      assert.equal(texts(queue.socket.writes), texts(orders[index] ?? []));
    }
  });

  it("gives the event loop its turn after so many writes, and forgets nobody", () => {
    const { outbox, turn } = createOutbox({ writesPerTurn: 10 });
    const queues = Array.from({ length: 25 }, createQueue);
    for (const queue of queues) outbox.enqueue(queue, a);
    const written = () => queues.filter(({ socket }) => socket.writes.length > 0).length;
    turn();
    assert.equal(written(), 10);
    // What comes meanwhile goes along with what waits, or comes behind it.
    const late = createQueue();
    outbox.enqueue(late, c);
    for (const queue of queues) outbox.enqueue(queue, b);
    turn();
    assert.equal(written(), 20);
    while (turn());
    assert.equal(written(), 25);
    for (const queue of queues) assert.equal(texts(queue.socket.writes), texts([a, b]));
    assert.equal(texts(late.socket.writes), texts([c]));
  });

  it("a close flushes its own connection only", () => {
    const { outbox, turn } = createOutbox();
    const [closing, other] = [createQueue(), createQueue()];
    outbox.enqueue(closing, a);
    outbox.enqueue(other, a);
    outbox.flushNow(closing);
    assert.equal(closing.socket.writes.length, 1);
    assert.equal(other.socket.writes.length, 0);
    turn();
    assert.equal(closing.socket.writes.length, 1);
    assert.equal(other.socket.writes.length, 1);
  });

  it("L07: drops and counts what comes on top of a full connection, and none of anybody else's", () => {
    const context = createOutbox({ maxQueuedBytes: 100 });
    const [slow, fast] = [createQueue(), createQueue()];
    slow.socket.isReading = false;
    const frame = encodeFrame("x".repeat(58));
    for (let i = 0; i < 3; i++) {
      for (const queue of [slow, fast]) context.outbox.enqueue(queue, frame);
      context.turn();
    }
    assert.equal(fast.socket.writes.length, 3);
    assert.equal(slow.isFull, true);
    assert.deepEqual(context.dropped(), ["app-id", "app-id"]);
    slow.socket.resumeReading();
    assert.equal(context.outbox.enqueue(slow, frame), true);
    assert.equal(slow.isFull, false);
  });

  it("takes a frame larger than the bound while nothing waits", () => {
    const { outbox, turn } = createOutbox({ maxQueuedBytes: 10 });
    const queue = createQueue();
    assert.equal(outbox.enqueue(queue, encodeFrame("x".repeat(500))), true);
    turn();
    assert.equal(queue.socket.writes.length, 1);
  });

  it("throws nothing at a socket that is gone", () => {
    const { outbox, turn } = createOutbox();
    const queue = createQueue();
    outbox.enqueue(queue, a);
    queue.socket.destroy();
    turn();
    outbox.enqueue(queue, b);
    turn();
    assert.equal(queue.socket.writes.length, 0);
  });
});
