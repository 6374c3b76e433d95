import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFrame, type Frame } from "../core/frame.ts";
import { recordReports } from "../core/testing/doubles.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import { SlowSocket } from "./testing/slow-socket.ts";

function createOutbox(options: Partial<OutboxOptions> = {}) {
  const turns: (() => void)[] = [];
  const reports = recordReports();
  const outbox = new Outbox({
    maxQueuedBytes: 1_000_000,
    maxTotalBytes: 10_000_000,
    writesPerTurn: 100,
    bytesPerTurn: 1_000_000,
    uncopiedBytesPerTurn: 1_000_000,
    schedule: (flush) => void turns.push(flush),
    report: reports.report,
    measure: null,
    ...options,
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
    cut: () => reports.of("connection_cut"),
    /** Whose they were. */
    dropped: () => reports.of("frame_dropped").map(({ appId }) => appId),
  };
}

/** A connection of that visitor; `log` has what it was told. */
function createQueue(outbox: Outbox, { visitor = "visitor" } = {}) {
  const log: string[] = [];
  const socket = new SlowSocket();
  const queue = outbox.open(socket, {
    appId: "app-id",
    visitor,
    onTaken: () => void log.push("taken"),
    onTooSlow: () => void log.push("too slow"),
    destroy() {
      log.push("cut");
      socket.destroy();
    },
  });
  socket.on("error", (error) => outbox.failed(queue, error));
  return Object.assign(queue, { socket, log });
}

/** One whose client has stopped reading, with one write in its socket. */
function createSlowQueue(
  { outbox, turn }: ReturnType<typeof createOutbox>,
  options: { visitor?: string } = {},
) {
  const queue = createQueue(outbox, options);
  queue.socket.isReading = false;
  outbox.enqueue(queue, encodeFrame("first"), "prepared");
  turn();
  return queue;
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

  it("copies a large frame never, and writes it in one go with what is around it", () => {
    const { outbox, turn } = createOutbox();
    const queue = createQueue(outbox);
    const large = encodeFrame("x".repeat(20_000));
    for (const frame of [a, b, large, c]) outbox.enqueue(queue, frame, "prepared");
    turn();
    assert.equal(queue.socket.writes.length, 1);
    assert.equal(texts(queue.socket.writes), texts([a, b, large, c]));
    assert.equal(queue.socket.pieces.length, 3);
    assert.equal(queue.socket.pieces[1], large);
    assert.equal(queue.socket.pieces[2], c);
    assert.equal(outbox.writtenBytes, texts([a, b, large, c]).length);
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

  it("says when every connection has had its write, at once where none waits", () => {
    const { outbox, turn } = createOutbox({ writesPerTurn: 2 });
    const done: string[] = [];
    outbox.afterWrites(() => done.push("none waits"));
    const queues = Array.from({ length: 5 }, () => createQueue(outbox));
    for (const queue of queues) outbox.enqueue(queue, a, "prepared");
    const written = () => queues.filter(({ socket }) => socket.writes.length > 0).length;
    outbox.afterWrites(() => done.push(`${written()} written`));
    assert.deepEqual(done, ["none waits"]);
    while (turn());
    assert.deepEqual(done, ["none waits", "5 written"]);
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

  it("L07: drops and counts what comes on top of a full connection, and none of anybody else's", async () => {
    const context = createOutbox({ maxQueuedBytes: 500 });
    const [slow, fast] = [createSlowQueue(context), createQueue(context.outbox)];
    const frame = encodeFrame("x".repeat(100));
    for (let i = 0; i < 4; i++) {
      for (const queue of [slow, fast]) context.outbox.enqueue(queue, frame, "prepared");
      context.turn();
    }
    assert.equal(fast.socket.writes.length, 4);
    assert.equal(slow.isFull, true);
    assert.deepEqual(context.dropped(), ["app-id", "app-id"]);
    slow.socket.resumeReading();
    await nextTurn();
    while (context.turn());
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

  it("gives the event loop its turn after so many bytes", () => {
    const { outbox, turn } = createOutbox({ bytesPerTurn: 250 });
    const queues = Array.from({ length: 10 }, () => createQueue(outbox));
    for (const queue of queues) outbox.enqueue(queue, encodeFrame("x".repeat(98)), "prepared");
    const written = () => queues.filter(({ socket }) => socket.writes.length > 0).length;
    turn();
    assert.equal(written(), 3);
    while (turn());
    assert.equal(written(), 10);
  });

  it("a small answer waits for no large ones, and large ones go on meanwhile", () => {
    const { outbox, turn } = createOutbox({ bytesPerTurn: 1 });
    const large = Array.from({ length: 10 }, () => createQueue(outbox));
    const frame = encodeFrame("x".repeat(70_000));
    for (const queue of large) outbox.enqueue(queue, frame, "prepared");
    const written = () => large.filter(({ socket }) => socket.writes.length > 0).length;
    for (let turns = 1; turns <= 10; turns++) {
      const small = createQueue(outbox);
      outbox.enqueue(small, a, "bytes");
      turn();
      assert.equal(small.socket.writes.length, 1);
      assert.equal(written(), turns);
    }
  });

  it("of large frames few bytes go out in a turn, of many small ones as many as their copy is shared by", () => {
    const { outbox, turn } = createOutbox({ uncopiedBytesPerTurn: 100_000 });
    const written = (queues: { socket: SlowSocket }[]): number =>
      queues.filter(({ socket }) => socket.writes.length > 0).length;
    const large = Array.from({ length: 10 }, () => createQueue(outbox));
    const frame = encodeFrame("x".repeat(70_000));
    for (const queue of large) outbox.enqueue(queue, frame, "prepared");
    for (let turns = 1; turns <= 5; turns++) {
      turn();
      assert.equal(written(large), 2 * turns);
    }
    const many = Array.from({ length: 10 }, () => createQueue(outbox));
    const small = encodeFrame("x".repeat(10_000));
    for (const queue of many) {
      for (let i = 0; i < 7; i++) outbox.enqueue(queue, small, "prepared");
    }
    turn();
    assert.equal(written(many), 10);
  });

  describe("a client that is slow to read", () => {
    it("gets no second write before it has taken the first, then all that waits, in order", async () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      for (const frame of [a, b, c]) {
        context.outbox.enqueue(queue, frame, "prepared");
        context.turn();
      }
      assert.equal(queue.socket.writes.length, 1);
      queue.socket.resumeReading();
      await nextTurn();
      while (context.turn());
      assert.equal(texts(queue.socket.writes), texts([encodeFrame("first"), a, b, c]));
      assert.equal(queue.socket.writes.length, 2);
      assert.equal(queue.backlog, null);
      assert.equal(context.outbox.retainedBytes, 0);
      assert.deepEqual(queue.log, ["taken", "taken"]);
    });

    it("gets what is queued just before it takes the last of what was written", async () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      context.outbox.enqueue(queue, a, "prepared");
      queue.socket.resumeReading();
      await nextTurn();
      while (context.turn());
      assert.equal(texts(queue.socket.writes), texts([encodeFrame("first"), a]));
    });

    it("gets a long backlog in pieces, and what comes meanwhile behind it", async () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      const frames = Array.from({ length: 6 }, (_, i) => encodeFrame(String(i).repeat(100_000)));
      for (const frame of frames) {
        context.outbox.enqueue(queue, frame, "prepared");
        context.turn();
      }
      for (let i = 0; i < 8; i++) {
        queue.socket.takeOne();
        await nextTurn();
        if (i === 0) context.outbox.enqueue(queue, a, "prepared");
        context.turn();
        const most = Math.max(...queue.socket.writes.map(({ length }) => length));
        assert.ok(most <= 262_144, String(most));
      }
      assert.equal(texts(queue.socket.writes), texts([encodeFrame("first"), ...frames, a]));
      assert.equal(context.outbox.retainedBytes, 0);
    });

    it("shares what waits with all who wait for it: a hundred cost little more than one", () => {
      const context = createOutbox();
      const queues = Array.from({ length: 100 }, () => createSlowQueue(context));
      const before = context.outbox.retainedBytes;
      const frame = encodeFrame("x".repeat(100_000));
      for (const queue of queues) context.outbox.enqueue(queue, frame, "prepared");
      assert.ok(
        context.outbox.retainedBytes - before < 103_000,
        String(context.outbox.retainedBytes),
      );
    });

    it("a large frame that is sent to them one after the other is in memory once", () => {
      const context = createOutbox();
      const queues = Array.from({ length: 100 }, () => createSlowQueue(context));
      const before = context.outbox.retainedBytes;
      const frame = encodeFrame("x".repeat(100_000));
      for (const [index, queue] of queues.entries()) {
        context.outbox.enqueue(queue, encodeFrame(`its own ${index}`), "bytes");
        context.outbox.enqueue(queue, frame, "prepared");
        context.turn();
      }
      const retained = context.outbox.retainedBytes - before;
      assert.ok(retained > 100_000 && retained < 200_000, String(retained));
    });

    it("a small frame that waits is cut out of the pool that it was made in", () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      const small = Buffer.from(encodeFrame("tiny"));
      assert.ok(small.buffer.byteLength > 1_000, "it is a part of Node's pool");
      context.outbox.enqueue(queue, small, "prepared");
      context.turn();
      const [waiting] = queue.backlog?.write(1_000) ?? [];
      assert.equal(waiting?.bytes.buffer.byteLength, small.length);
      assert.deepEqual(waiting?.bytes, small);
    });

    it("counts a message of some bytes as the memory that it takes", () => {
      const context = createOutbox({ maxQueuedBytes: 10_000 });
      const queue = createSlowQueue(context);
      let taken = 0;
      while (context.outbox.enqueue(queue, encodeFrame(String(taken)), "prepared")) {
        taken += 1;
        context.turn();
      }
      assert.ok(taken > 50 && taken < 80, String(taken));
      assert.ok(context.outbox.retainedBytes > taken * 500);
    });

    it("is paused from half of its bound on, until it has taken enough", async () => {
      const context = createOutbox({ maxQueuedBytes: 1_000 });
      const queue = createSlowQueue(context);
      assert.equal(context.outbox.isPaused(queue), false);
      context.outbox.enqueue(queue, encodeFrame("x".repeat(400)), "prepared");
      assert.equal(context.outbox.isPaused(queue), true);
      queue.socket.resumeReading();
      await nextTurn();
      while (context.turn());
      assert.equal(context.outbox.isPaused(queue), false);
    });

    it("gets all that waits before a close", () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      for (const frame of [a, b]) context.outbox.enqueue(queue, frame, "prepared");
      context.outbox.flushNow(queue);
      queue.socket.resumeReading();
      assert.equal(texts(queue.socket.writes), texts([encodeFrame("first"), a, b]));
    });

    it("leaves nothing behind when it is gone", async () => {
      const context = createOutbox();
      const queue = createSlowQueue(context);
      for (const frame of [a, b, c]) context.outbox.enqueue(queue, frame, "prepared");
      queue.socket.destroy();
      await nextTurn();
      while (context.turn());
      assert.equal(context.outbox.retainedBytes, 0);
      assert.deepEqual([...context.outbox.slowQueues()], []);
    });
  });

  describe("beyond what may wait for all of them together", () => {
    const large = (): Frame => encodeFrame("x".repeat(90_000));

    it("cuts the connections with the most, of the visitor with the most, and no other", () => {
      const context = createOutbox({ maxTotalBytes: 1_000_000 });
      const honest = createSlowQueue(context, { visitor: "honest" });
      for (let i = 0; i < 3; i++) context.outbox.enqueue(honest, large(), "prepared");
      const attackers = Array.from({ length: 10 }, () =>
        createSlowQueue(context, { visitor: "attacker" }),
      );
      for (let round = 0; round < 2; round++) {
        for (const queue of attackers) context.outbox.enqueue(queue, large(), "prepared");
        for (let turns = 0; turns < 3; turns++) context.turn();
      }
      assert.ok(context.outbox.retainedBytes <= 1_000_000, String(context.outbox.retainedBytes));
      assert.deepEqual(honest.log, []);
      const cut = attackers.filter(({ log }) => log.includes("cut"));
      assert.ok(cut.length > 0 && cut.length < attackers.length);
      assert.equal(context.cut().length, cut.length);
      assert.deepEqual(context.cut()[0], {
        kind: "connection_cut",
        appId: "app-id",
        reason: "outbound_memory",
      });
    });

    it("cuts nobody for a broadcast that all of them wait for", () => {
      const context = createOutbox({ maxTotalBytes: 1_000_000 });
      const queues = Array.from({ length: 100 }, () => createSlowQueue(context));
      for (let i = 0; i < 3; i++) {
        const frame = large();
        for (const queue of queues) context.outbox.enqueue(queue, frame, "prepared");
        context.turn();
      }
      assert.deepEqual(context.cut(), []);
    });
  });
});

/** Callbacks of a write come on a later turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
