import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { encodeFrame } from "../core/frame.ts";
import { Outbox } from "./outbox.ts";
import { SlowConsumers } from "./slow-consumers.ts";

const large = encodeFrame("x".repeat(300));

/** A client that takes a write only when it is told to, on a bound of 1,000 bytes and a wait of 5 s. */
function createSlowClient() {
  const turns: (() => void)[] = [];
  const outbox = new Outbox({
    maxQueuedBytes: 1_000,
    maxTotalBytes: 1_000_000,
    writesPerTurn: 100,
    bytesPerTurn: 1_000_000,
    uncopiedBytesPerTurn: 1_000_000,
    schedule: (run) => void turns.push(run),
    report() {},
    measure: null,
  });
  const waiting: (() => void)[] = [];
  let gaveUp = 0;
  const socket = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => void waiting.push(done),
  });
  const queue = outbox.open(socket, {
    appId: "app-id",
    visitor: "visitor",
    onTaken() {},
    onTooSlow: () => (gaveUp += 1),
    destroy() {},
  });
  const slowConsumers = new SlowConsumers({ outbox, writeWaitMs: 5_000 });

  async function turn(): Promise<void> {
    while (turns.length > 0) turns.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    async send(): Promise<void> {
      outbox.enqueue(queue, large, "prepared");
      await turn();
    },
    /** What has been written is taken, the mark behind it too. */
    async take(): Promise<void> {
      for (let i = 0; i < 2; i++) {
        waiting.shift()?.();
        await turn();
      }
    },
    /** Each second until then; true if it was given up by then. */
    tickUntil(fromMs: number, toMs: number): boolean {
      for (let nowMs = fromMs; nowMs <= toMs; nowMs += 1_000) slowConsumers.tick(nowMs);
      return gaveUp > 0;
    },
  };
}

describe("slow consumers", () => {
  it("L08: who has been full for write_wait is given up, once", async () => {
    const client = createSlowClient();
    await client.send();
    await client.send();
    assert.equal(client.tickUntil(0, 4_000), false);
    assert.equal(client.tickUntil(5_000, 5_000), true);
  });

  it("who waits for less than half of the bound is only slow", async () => {
    const client = createSlowClient();
    await client.send();
    assert.equal(client.tickUntil(0, 60_000), false);
  });

  it("who takes something now and then, and loses nothing, may take longer", async () => {
    const client = createSlowClient();
    await client.send();
    await client.send();
    let fromMs = 0;
    for (let i = 0; i < 5; i++) {
      assert.equal(client.tickUntil(fromMs, fromMs + 4_000), false);
      fromMs += 4_000;
      await client.take();
      await client.send();
    }
    assert.equal(client.tickUntil(fromMs, fromMs + 6_000), true);
  });
});
