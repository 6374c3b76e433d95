import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { encodeFrame, type Frame } from "../core/frame.ts";
import { recordReports } from "../core/testing/doubles.ts";
import { Outbox } from "./outbox.ts";

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

function createOutbox(
  options: { maxQueuedBytes?: number; writesPerTurn?: number; measure?: () => number } = {},
) {
  const turns: (() => void)[] = [];
  const reports = recordReports();
  const outbox = new Outbox({
    maxQueuedBytes: options.maxQueuedBytes ?? 1_000_000,
    writesPerTurn: options.writesPerTurn ?? 100,
    schedule: (flush) => void turns.push(flush),
    report: reports.report,
    measure: options.measure ?? null,
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
    reports,
    /** Whose they were. */
    dropped: () => reports.of("frame_dropped").map(({ appId }) => appId),
  };
}

function createQueue(outbox: Outbox) {
  const socket = new SlowSocket();
  return Object.assign(outbox.open(socket, "app-id"), { socket });
}

function texts(frames: Iterable<Frame>): string {
  return [...frames].map((frame) => frame.toString("latin1")).join("");
}

describe("outbox", () => {
  const [a, b, c] = [encodeFrame("a"), encodeFrame("bb"), encodeFrame("ccc")];

  it("writes nothing before the turn ends, then once however many frames wait", () => {
    const { outbox, turn } = createOutbox();
    const queue = createQueue(outbox);
    for (const frame of [a, b, c]) outbox.enqueue(queue, frame, "prepared");
    assert.equal(queue.socket.writes.length, 0);
    turn();
    assert.equal(queue.socket.writes.length, 1);
    assert.equal(texts(queue.socket.writes), texts([a, b, c]));
    assert.equal(turn(), false, "nothing is left to do");
  });

  it("shares one buffer among connections with the same frames, and copies a single frame never", () => {
    const { outbox, turn } = createOutbox();
    const [one, two, other] = [createQueue(outbox), createQueue(outbox), createQueue(outbox)];
    for (const queue of [one, two]) {
      for (const frame of [a, b]) outbox.enqueue(queue, frame, "prepared");
    }
    outbox.enqueue(other, a, "prepared");
    turn();
    assert.equal(one.socket.writes[0], two.socket.writes[0]);
    assert.equal(other.socket.writes[0], a);
  });

  it("keeps each connection's own order where they part", () => {
    const { outbox, turn } = createOutbox();
    const queues = [createQueue(outbox), createQueue(outbox), createQueue(outbox)];
    const orders = [
      [a, b, c],
      [b, a, c],
      [a, c],
    ];
    for (const [index, queue] of queues.entries()) {
      for (const frame of orders[index] ?? []) outbox.enqueue(queue, frame, "prepared");
    }
    turn();
    for (const [index, queue] of queues.entries()) {
      assert.equal(texts(queue.socket.writes), texts(orders[index] ?? []));
    }
  });

  it("gives the event loop its turn after so many writes, and forgets nobody", () => {
    const { outbox, turn } = createOutbox({ writesPerTurn: 10 });
    const queues = Array.from({ length: 25 }, () => createQueue(outbox));
    for (const queue of queues) outbox.enqueue(queue, a, "prepared");
    const written = () => queues.filter(({ socket }) => socket.writes.length > 0).length;
    turn();
    assert.equal(written(), 10);
    // What comes meanwhile goes along with what waits, or comes behind it.
    const late = createQueue(outbox);
    outbox.enqueue(late, c, "prepared");
    for (const queue of queues) outbox.enqueue(queue, b, "prepared");
    turn();
    assert.equal(written(), 20);
    while (turn());
    assert.equal(written(), 25);
    for (const queue of queues) assert.equal(texts(queue.socket.writes), texts([a, b]));
    assert.equal(texts(late.socket.writes), texts([c]));
  });

  it("a close flushes its own connection only", () => {
    const { outbox, turn } = createOutbox();
    const [closing, other] = [createQueue(outbox), createQueue(outbox)];
    outbox.enqueue(closing, a, "prepared");
    outbox.enqueue(other, a, "prepared");
    outbox.flushNow(closing);
    assert.equal(closing.socket.writes.length, 1);
    assert.equal(other.socket.writes.length, 0);
    turn();
    assert.equal(closing.socket.writes.length, 1);
    assert.equal(other.socket.writes.length, 1);
  });

  it("L07: drops and counts what comes on top of a full connection, and none of anybody else's", () => {
    const context = createOutbox({ maxQueuedBytes: 100 });
    const [slow, fast] = [createQueue(context.outbox), createQueue(context.outbox)];
    slow.socket.isReading = false;
    const frame = encodeFrame("x".repeat(58));
    for (let i = 0; i < 3; i++) {
      for (const queue of [slow, fast]) context.outbox.enqueue(queue, frame, "prepared");
      context.turn();
    }
    assert.equal(fast.socket.writes.length, 3);
    assert.equal(slow.isFull, true);
    assert.deepEqual(context.dropped(), ["app-id", "app-id"]);
    slow.socket.resumeReading();
    assert.equal(context.outbox.enqueue(slow, frame, "prepared"), true);
    assert.equal(slow.isFull, false);
  });

  it("takes a frame larger than the bound while nothing waits", () => {
    const { outbox, turn } = createOutbox({ maxQueuedBytes: 10 });
    const queue = createQueue(outbox);
    assert.equal(outbox.enqueue(queue, encodeFrame("x".repeat(500)), "prepared"), true);
    turn();
    assert.equal(queue.socket.writes.length, 1);
  });

  it("counts the bytes that it writes", () => {
    const { outbox, turn } = createOutbox();
    for (const frame of [a, b]) outbox.enqueue(createQueue(outbox), frame, "prepared");
    assert.equal(outbox.writtenBytes, 0);
    turn();
    assert.equal(outbox.writtenBytes, a.length + b.length);
  });

  it("says what kind of frame was dropped, with one object for all connections of an app", () => {
    const { outbox, reports } = createOutbox({ maxQueuedBytes: 10 });
    const [one, two] = [createQueue(outbox), createQueue(outbox)];
    for (const queue of [one, two]) outbox.enqueue(queue, a, "prepared");
    outbox.enqueue(one, encodeFrame("x".repeat(50)), "bytes");
    const dropped = { kind: "frame_dropped", appId: "app-id", reason: "queue_full" };
    assert.deepEqual(reports.events, [{ ...dropped, frame: "bytes" }]);
    assert.equal(one.drops, two.drops);
  });

  it("reports a write that failed, by the kind of its last frame; a connection that was reset is none", () => {
    for (const syscall of ["write", "read"]) {
      const { outbox, reports } = createOutbox();
      const queue = createQueue(outbox);
      outbox.enqueue(queue, a, "prepared");
      outbox.enqueue(queue, b, "ping");
      queue.socket.emit("error", Object.assign(new Error("ECONNRESET"), { syscall }));
      const failed = { kind: "write_failed", frame: "ping" };
      assert.deepEqual(reports.events, syscall === "write" ? [failed] : []);
    }
  });

  it("measures what waits and what a write takes, only where that is wanted", () => {
    let nowMs = 0;
    const { outbox, turn, reports } = createOutbox({ measure: () => nowMs });
    const queue = createQueue(outbox);
    queue.socket.isReading = false;
    outbox.enqueue(queue, a, "prepared");
    nowMs = 3;
    outbox.enqueue(queue, b, "bytes");
    nowMs = 5;
    turn();
    outbox.enqueue(queue, c, "ping");
    nowMs = 25;
    queue.socket.resumeReading();
    assert.deepEqual(reports.events, [
      { kind: "frame_queued", waiting: 0 },
      { kind: "frame_queued", waiting: 1 },
      { kind: "frames_written", residenceMs: 5 },
      // Written, but the kernel has not taken them yet.
      { kind: "frame_queued", waiting: 2 },
      { kind: "write_finished", frame: "bytes", durationMs: 20 },
    ]);
    outbox.enqueue(queue, a, "prepared");
    assert.deepEqual(reports.events.at(-1), { kind: "frame_queued", waiting: 1 });
  });

  it("throws nothing at a socket that is gone", () => {
    const { outbox, turn } = createOutbox();
    const queue = createQueue(outbox);
    outbox.enqueue(queue, a, "prepared");
    queue.socket.destroy();
    turn();
    outbox.enqueue(queue, b, "prepared");
    turn();
    assert.equal(queue.socket.writes.length, 0);
  });
});
