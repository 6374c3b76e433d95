/** The outbox over random schedules: clients read, stop reading, leave and are closed while frames of all lengths are sent. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeFrame, type Frame } from "../core/frame.ts";
import { Outbox } from "./outbox.ts";
import { countQueuedBytes } from "./outbound-queue.ts";
import { SlowSocket } from "./testing/slow-socket.ts";

const maxQueuedBytes = 60_000;
const maxTotalBytes = 90_000;

/** Of each length several, so that connections get the same ones in different orders; the large ones are not copied. */
const frames = [1, 1, 20, 20, 130, 4_000, 20_000, 20_000, 70_000].map((length, index) =>
  encodeFrame(String(index).repeat(length)),
);

function frameAt(index: number): Frame {
  const frame = frames[index];
  assert.ok(frame);
  return frame;
}

/** One connection, and what it is to be sent. */
class Client {
  readonly socket = new SlowSocket();
  readonly queue;
  readonly #outbox: Outbox;
  readonly #expected: Frame[] = [];
  /** Nothing more is sent to it. */
  isOver = false;
  /** What waited for it is given up. */
  isLost = false;
  isCut = false;

  constructor(outbox: Outbox, visitor: string) {
    this.#outbox = outbox;
    this.queue = outbox.open(this.socket, {
      appId: "app-id",
      visitor,
      onTaken: () => undefined,
      onTooSlow: () => undefined,
      destroy: () => {
        this.isCut = true;
        this.leave();
      },
    });
    this.socket.on("error", (error) => outbox.failed(this.queue, error));
  }

  send(frame: Frame): void {
    if (this.isOver) return;
    const waiting = countQueuedBytes(this.queue);
    const isTaken = this.#outbox.enqueue(this.queue, frame, "prepared");
    assert.equal(isTaken, waiting === 0 || waiting + frame.length <= maxQueuedBytes);
    if (isTaken) this.#expected.push(frame);
  }

  /** In order: the last frame goes out behind all others. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#outbox.flushNow(this.queue);
    this.socket.end();
  }

  giveUp(): void {
    this.isLost = true;
    this.#outbox.drop(this.queue);
    this.close();
  }

  leave(): void {
    this.isOver = true;
    this.isLost = true;
    this.socket.destroy();
  }

  check(): void {
    const sent = Buffer.concat(this.#expected);
    const received = Buffer.concat(this.socket.writes);
    assert.ok(sent.subarray(0, received.length).equals(received), "in order, without a hole");
  }

  checkWhole(): void {
    this.check();
    const receivedBytes = this.socket.writes.reduce((sum, { length }) => sum + length, 0);
    const sentBytes = this.#expected.reduce((sum, { length }) => sum + length, 0);
    if (!this.isLost) assert.equal(receivedBytes, sentBytes, "all of it");
    assert.equal(countQueuedBytes(this.queue), 0);
  }
}

const who = fc.nat(4);
const frame = fc.nat(frames.length - 1);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("send" as const), who, frame }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("broadcast" as const), frame }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("stop" as const), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("give up" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), who }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** How often a schedule came to what is hard to come to. */
const reached = { dropped: 0, cut: 0, slow: 0, closedSlow: 0 };

async function play(steps: readonly Step[]): Promise<void> {
  const turns: (() => void)[] = [];
  const outbox = new Outbox({
    maxQueuedBytes,
    maxTotalBytes,
    writesPerTurn: 3,
    bytesPerTurn: 30_000,
    uncopiedBytesPerTurn: 20_000,
    schedule: (flush) => void turns.push(flush),
    report: ({ kind }) => {
      if (kind === "frame_dropped") reached.dropped += 1;
    },
    measure: null,
  });
  const open = (n: number): Client => new Client(outbox, `visitor ${n % 2}`);
  const clients = [0, 1, 2, 3, 4].map(open);
  const all = [...clients];
  for (const each of steps) {
    if (each.do === "turn") turns.shift()?.();
    else if (each.do === "broadcast") {
      for (const client of clients) client.send(frameAt(each.frame));
    } else {
      const client = clients[each.who];
      assert.ok(client);
      if (client.isOver) {
        // Another one comes in its place.
        const next = open(each.who);
        all.push(next);
        clients[each.who] = next;
      } else act(client, each);
    }
    // What a client has taken is said on a later turn.
    await nextTurn();
    assert.ok(turns.length <= 1);
    reached.slow += [...outbox.slowQueues()].length;
    for (const client of all) client.check();
  }
  for (let more = 0; more < 1_000 && (turns.length > 0 || more < 20); more += 1) {
    for (const { socket } of all) socket.resumeReading();
    turns.shift()?.();
    await nextTurn();
  }
  assert.equal(turns.length, 0);
  for (const client of all) client.checkWhole();
  reached.cut += all.filter(({ isCut }) => isCut).length;
  assert.deepEqual([...outbox.slowQueues()], []);
  assert.equal(outbox.retainedBytes, 0, "memory is given back");
}

function act(client: Client, each: Exclude<Step, { do: "turn" | "broadcast" }>): void {
  switch (each.do) {
    case "send":
      return client.send(frameAt(each.frame));
    case "stop":
      client.socket.isReading = false;
      return;
    case "take":
      return client.socket.takeOne();
    case "read":
      return client.socket.resumeReading();
    case "close":
      if (client.queue.backlog) reached.closedSlow += 1;
      return client.close();
    case "give up":
      return client.giveUp();
    case "leave":
      return client.leave();
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("outbox, over random schedules (property)", () => {
  it("each connection gets its frames in order and whole until it is gone, and nothing of it is kept then", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150, size: "max" }), play),
      { numRuns: 150 },
    );
    for (const [what, times] of Object.entries(reached)) assert.ok(times > 0, `${what}: ${times}`);
  });
});
