import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Registry } from "prom-client";
import { createDefine } from "./metric.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

const text = { name: "pogo_test", help: "…", unit: "tests", moves: "…", action: "…" } as const;

/** Series that are not of the process itself, as they stand in the text. */
async function seriesOf({ registry }: { registry: Registry }): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith("pogo_") && !line.includes("_bucket{"));
}

function createRig(appIds: readonly string[] = []) {
  const registry = new Registry();
  return { registry, ...createDefine(registry, appIds) };
}

describe("metric definitions", () => {
  it("a series whose labels are known is there from the start, at zero", async () => {
    const { define, registry } = createRig(["1", "2"]);
    const labels = { app_id: "…" };
    define.counter({ ...text, name: "pogo_apps", labels });
    define.gauge({ ...text, name: "pogo_state", labels: { state: { on: "…", off: "…" } } });
    define.counter({ ...text, name: "pogo_open", labels: { code: "Any status." } });
    define.counter({ ...text, name: "pogo_half", labels: { ...labels, code: "Any status." } });
    define.counter({
      ...text,
      name: "pogo_both",
      labels: { ...labels, reason: { a: "…", b: "…" } },
    });
    assert.deepEqual(await seriesOf({ registry }), [
      'pogo_apps{app_id="1"} 0',
      'pogo_apps{app_id="2"} 0',
      'pogo_state{state="on"} 0',
      'pogo_state{state="off"} 0',
      'pogo_both{app_id="1",reason="a"} 0',
      'pogo_both{app_id="1",reason="b"} 0',
      'pogo_both{app_id="2",reason="a"} 0',
      'pogo_both{app_id="2",reason="b"} 0',
    ]);
  });

  it("with many apps and many reasons, a series exists once it has a value", async () => {
    const { define, registry } = createRig(Array.from({ length: 200 }, (_, index) => `${index}`));
    const labels = { app_id: "…", reason: { a: "…", b: "…" } };
    const refused = define.counter({ ...text, name: "pogo_refused_total", labels });
    refused.inc({ app_id: "7", reason: "b" });
    assert.deepEqual(await seriesOf({ registry }), ['pogo_refused_total{app_id="7",reason="b"} 1']);
  });

  it("a reading is read at every scrape, and has no series before anybody says where", async () => {
    const { define, registry } = createRig();
    const depth = define.reading({ ...text, name: "pogo_depth", labels: { app_id: "…" } });
    const sum = define.reading({ ...text, name: "pogo_sum" });
    assert.deepEqual(await seriesOf({ registry }), []);
    const depths = new Map([["1", 3]]);
    depth.readEach(() => [...depths].map(([id, value]) => [[id], value]));
    sum.read(() => depths.size);
    assert.deepEqual(await seriesOf({ registry }), ['pogo_depth{app_id="1"} 3', "pogo_sum 1"]);
    depths.clear();
    depths.set("2", 7);
    assert.deepEqual(await seriesOf({ registry }), ['pogo_depth{app_id="2"} 7', "pogo_sum 1"]);
  });

  it("a tally of each app is there from the start", async () => {
    const { define, registry, descriptions } = createRig(["1", "2"]);
    const sent = define.tally({ ...text, name: "pogo_sent_total", labels: { app_id: "…" } });
    sent.of("2").add(3);
    sent.of("2").add(4);
    const expected = ['pogo_sent_total{app_id="1"} 0', 'pogo_sent_total{app_id="2"} 7'];
    assert.deepEqual(await seriesOf({ registry }), expected);
    assert.deepEqual(await seriesOf({ registry }), expected, "read twice, counted once");
    assert.equal(descriptions[0]?.type, "counter");
  });

  it("a tally with labels of any value has those series that were added to", async () => {
    const { define, registry } = createRig(["1", "2"]);
    const labels = { app_id: "…", code: "…", reason: { a: "because" } };
    const sent = define.tally({ ...text, name: "pogo_sent_total", labels });
    assert.deepEqual(await seriesOf({ registry }), []);
    sent.of("1").of(4_200).of("a").add(1);
    sent.of("").of(4_001).of("a").add(1);
    sent.of("1").of(4_200).of("a").add(1);
    assert.deepEqual(await seriesOf({ registry }), [
      'pogo_sent_total{app_id="1",code="4200",reason="a"} 2',
      'pogo_sent_total{app_id="",code="4001",reason="a"} 1',
    ]);
  });

  it("each is described, with what its labels mean", () => {
    const { define, descriptions } = createRig();
    const labels = { reason: { a: "because" } };
    define.histogram({ ...text, buckets: [1, 2], labels });
    assert.deepEqual(descriptions, [{ ...text, type: "histogram", labels, overWorkers: "sum" }]);
  });
});

describe("metrics", () => {
  const all = createMetrics().rooms.flatMap(({ descriptions }) => descriptions);

  it("of one sidecar are not those of another", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.node.draining.set(1);
    const draining = async (of: Metrics) =>
      (await seriesOf(of)).filter((line) => line.startsWith("pogo_draining"));
    assert.deepEqual(await draining(one), ["pogo_draining 1"]);
    assert.deepEqual(await draining(other), ["pogo_draining 0"]);
  });

  it("have labels from closed sets only: nothing that a client could make up", () => {
    const open = new Set(
      all.flatMap(({ labels }) =>
        Object.entries(labels).flatMap(([name, values]) =>
          typeof values === "string" ? name : [],
        ),
      ),
    );
    // Apps are configured; codes are of the catalogue, or statuses that a server sent.
    assert.deepEqual([...open].toSorted(), ["app_id", "code", "version"]);
  });

  for (const { name, type, unit, help, moves, action } of all) {
    it(`${name} is named and described as Prometheus has it`, () => {
      assert.match(name, /^pogo_[a-z_]+$/);
      assert.equal(name.endsWith("_total"), type === "counter");
      assert.equal(name.endsWith("_seconds"), unit === "seconds");
      for (const sentence of [help, moves, action]) assert.match(sentence, /^\S.*[.?]$/);
    });
  }
});
