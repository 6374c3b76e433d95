import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChannelEvent } from "../core/ports.ts";
import { FanOuts } from "./fan-outs.ts";
import { createSampler, type SamplerName } from "./sampler.ts";
import { createTracer, type SpanRecord } from "./tracer.ts";

function createRig(sampler: SamplerName = "parentbased_always_on") {
  const spans: SpanRecord[] = [];
  let ids = 0;
  let nowMs = 0;
  const tracer = createTracer({
    sampler: createSampler(sampler, 1),
    record: (span) => void spans.push(span),
    now: () => nowMs++,
    randomHex: (bytes) => String((ids += 1)).padStart(bytes * 2, "0"),
  });
  return { tracer, spans };
}

const fields = { method: "GET", path: "/", status: 200 };
const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

describe("tracer", () => {
  it("a span has its parent's trace, and ends once", () => {
    const { tracer, spans } = createRig();
    const span = tracer.begin("proxy", parent);
    const child = span.child("broker");
    child.end({ appId: "1", events: 1, fault: "broker_failed" });
    span.end(fields);
    span.end({ ...fields, status: 500 });
    assert.deepEqual(
      spans.map(({ name, context, parentSpanId, fault }) => [
        name,
        context.traceId,
        parentSpanId,
        fault,
      ]),
      [
        ["publish", parent.traceId, span.context.spanId, "broker_failed"],
        ["GET", parent.traceId, parent.spanId, null],
      ],
    );
  });

  it("one that nobody records is carried on as such, and so are those within it", () => {
    const { tracer, spans } = createRig();
    const span = tracer.begin("proxy", { ...parent, isSampled: false });
    assert.equal(span.context.isSampled, false);
    assert.equal(span.context.traceId, parent.traceId);
    const child = span.child("broker");
    assert.equal(child.context.isSampled, false);
    child.end({ appId: "1", events: 1, fault: null });
    span.end(fields);
    assert.deepEqual(spans, []);
  });
});

describe("sampler", () => {
  const half = `${"0".repeat(19)}7ffffffffffff`;
  const more = `${"0".repeat(19)}8000000000000`;
  const unsampled = { ...parent, isSampled: false };
  const rows: readonly (readonly [SamplerName, ...boolean[]])[] = [
    // A trace that begins here, below the ratio and above; one that is recorded, and one that is not.
    ["always_on", true, true, true, true],
    ["always_off", false, false, false, false],
    ["traceidratio", true, false, true, true],
    ["parentbased_always_on", true, true, true, false],
    ["parentbased_always_off", false, false, true, false],
    ["parentbased_traceidratio", true, false, true, false],
  ];
  for (const [name, ...expected] of rows) {
    it(name, () => {
      const sampler = createSampler(name, 0.5);
      const found = [
        sampler(half, null),
        sampler(more, null),
        sampler(half, parent),
        sampler(half, unsampled),
      ];
      assert.deepEqual(found, expected);
    });
  }
});

describe("fan-outs", () => {
  const event: ChannelEvent = {
    appId: "1",
    channel: "a",
    event: "e",
    dataJson: '"é"',
    trace: parent,
  };

  it("is one span a publish, until the last write", async () => {
    const { tracer, spans } = createRig();
    const waiting: (() => void)[] = [];
    const fanOuts = new FanOuts({ tracer, afterWrites: (run) => void waiting.push(run) });
    const other = { ...parent, spanId: "c".repeat(16) };
    for (const [channel, recipients] of [
      ["a", 3],
      ["b", 2],
      ["c", 0],
    ] as const) {
      fanOuts.deliver({ ...event, channel }, () => recipients);
    }
    fanOuts.deliver({ ...event, trace: other }, () => 1);
    await Promise.resolve();
    assert.equal(waiting.length, 1);
    assert.deepEqual(spans, []);
    for (const run of waiting) run();
    assert.deepEqual(
      spans.map(({ attributes }) => [
        attributes["pogo.channels"],
        attributes["pogo.recipients"],
        attributes["pogo.bytes"],
      ]),
      [
        [3, 5, 20],
        [1, 1, 4],
      ],
    );
  });

  it("an untraced event has no span", () => {
    const { tracer, spans } = createRig();
    const fanOuts = new FanOuts({ tracer, afterWrites: () => assert.fail("nothing to wait for") });
    const { trace: _trace, ...untraced } = event;
    let sent = 0;
    fanOuts.deliver(untraced, () => (sent += 1));
    assert.deepEqual([sent, spans], [1, []]);
  });
});
