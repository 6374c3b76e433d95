import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SidecarEvent } from "../core/report.ts";
import type { PostResult } from "../http/client.ts";
import { createTimers } from "../testing/timers.ts";
import { createExporter } from "./exporter.ts";
import type { SpanRecord } from "./tracer.ts";

const span: SpanRecord = {
  context: { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true },
  parentSpanId: null,
  startMs: 0,
  endMs: 1,
  role: "server",
  name: "GET",
  attributes: {},
  fault: null,
};

const answered = (status: number): PostResult => ({
  ok: true,
  status,
  rawHeaders: [],
  body: { kind: "whole", bytes: Buffer.alloc(0) },
});

/** A collector that answers when it is asked to; `sent` has the number of spans of each request. */
function createRig() {
  const timers = createTimers();
  const sent: number[] = [];
  const events: SidecarEvent[] = [];
  const open: ((result: PostResult) => void)[] = [];
  const exporter = createExporter({
    client: {
      post({ body }) {
        sent.push(Number(body.toString()));
        return new Promise((resolve) => open.push(resolve));
      },
      close() {
        for (const resolve of open.splice(0)) resolve({ ok: false, fault: { kind: "aborted" } });
      },
    },
    headers: {},
    encode: (spans) => String(spans.length),
    timers,
    report: (event) => void events.push(event),
  });
  return {
    timers,
    sent,
    exporter,
    record: (count: number) => {
      for (let n = 0; n < count; n += 1) exporter.record(span);
    },
    async answer(result: PostResult) {
      open.shift()?.(result);
      await new Promise(setImmediate);
    },
    counted: (kind: "spans_exported" | "spans_dropped") =>
      events.reduce((sum, event) => sum + (event.kind === kind ? event.spans : 0), 0),
  };
}

describe("exporter", () => {
  it("gathers spans for a second, or until there are 512, and sends one batch at a time", async () => {
    const { timers, sent, record, answer, counted } = createRig();
    record(3);
    timers.pass(999);
    assert.deepEqual(sent, []);
    timers.pass(1);
    assert.deepEqual(sent, [3]);
    record(700);
    timers.pass(10_000);
    assert.deepEqual(sent, [3], "the first is still under way");
    await answer(answered(200));
    timers.pass(1_000);
    await answer(answered(200));
    timers.pass(1_000);
    assert.deepEqual(sent, [3, 512, 188]);
    assert.equal(counted("spans_exported"), 515);
  });

  for (const result of [
    answered(503),
    answered(429),
    { ok: false, fault: { kind: "connection", code: "ECONNREFUSED" } },
    { ok: false, fault: { kind: "timeout" } },
  ] satisfies PostResult[]) {
    it(`sends again after a longer and longer pause: ${JSON.stringify(result)}`, async () => {
      const { timers, sent, record, answer, counted } = createRig();
      record(2);
      timers.pass(1_000);
      for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        const before = sent.length;
        await answer(result);
        timers.pass(pauseMs - 1);
        assert.equal(sent.length, before);
        timers.pass(1);
        assert.equal(sent.length, before + 1);
      }
      await answer(answered(200));
      assert.deepEqual([counted("spans_exported"), counted("spans_dropped")], [2, 0]);
      assert.equal(timers.pending, 0);
    });
  }

  it("does not send again what would be refused again", async () => {
    const { timers, sent, record, answer, counted } = createRig();
    record(2);
    timers.pass(1_000);
    await answer(answered(400));
    timers.pass(60_000);
    assert.deepEqual([sent, counted("spans_dropped")], [[2], 2]);
  });

  it("keeps 2,048 spans for a collector that is away, and no more", async () => {
    const { timers, sent, record, answer, counted } = createRig();
    record(512);
    await answer(answered(503));
    record(10_000);
    assert.equal(counted("spans_dropped"), 10_512 - 2_048);
    timers.pass(1_000);
    await answer(answered(200));
    for (let n = 0; n < 3; n += 1) {
      timers.pass(1_000);
      await answer(answered(200));
    }
    assert.deepEqual(sent, [512, 512, 512, 512, 512]);
    assert.equal(counted("spans_exported"), 2_048);
  });

  it("sends what is there at the end, for so long and no longer, and nothing afterwards", async () => {
    const { timers, sent, record, answer, exporter, counted } = createRig();
    record(3);
    const flushed = exporter.flush(1_000);
    await new Promise(setImmediate);
    assert.deepEqual(sent, [3]);
    await answer(answered(200));
    await flushed;
    record(5);
    timers.pass(60_000);
    assert.deepEqual([sent, counted("spans_exported")], [[3], 3]);

    const late = createRig();
    late.record(3);
    const given = late.exporter.flush(1_000);
    await new Promise(setImmediate);
    late.timers.pass(1_000);
    await given;
    assert.equal(late.counted("spans_dropped"), 3);
  });
});
