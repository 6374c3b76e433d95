import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMetricsSum, exportMetrics } from "./merged-metrics.ts";
import { createMetrics } from "./metrics.ts";

async function linesOf(merged: Promise<{ text: string }>, name: string): Promise<string[]> {
  const { text } = await merged;
  return text.split("\n").filter((line) => line.startsWith(name));
}

function createWorker(pid: number, connections: number, isUp: 0 | 1) {
  const metrics = createMetrics(["1"]);
  metrics.webSocket.connectionsActive.labels("1").set(connections);
  metrics.broker.up.read(() => isUp);
  metrics.broker.clusterNodes.read(() => 2);
  metrics.node.buildInfo.readEach(() => [[["1.2.3"], 1]]);
  return { metrics, exported: async () => ({ pid, text: await exportMetrics(metrics.registry) }) };
}

describe("the metrics of several processes", () => {
  it("are added up, but for those of which one value holds for all", async () => {
    const [one, other] = [createWorker(1, 3, 1), createWorker(2, 4, 0)];
    const sum = createMetricsSum(createMetrics().registry);
    const merged = sum([await one.exported(), await other.exported()]);
    assert.deepEqual(await linesOf(merged, "pogo_websocket_connections_active{"), [
      'pogo_websocket_connections_active{app_id="1"} 7',
    ]);
    assert.deepEqual(await linesOf(merged, "pogo_broker_up "), ["pogo_broker_up 0"]);
    assert.deepEqual(await linesOf(merged, "pogo_cluster_nodes "), ["pogo_cluster_nodes 2"]);
    assert.deepEqual(await linesOf(merged, "pogo_build_info{"), [
      'pogo_build_info{version="1.2.3"} 1',
    ]);
    assert.match((await merged).contentType, /^text\/plain; version=0\.0\.4/);
  });

  it("have the processes that were asked, and of the one that adds up what is its own", async () => {
    const own = createMetrics();
    own.workers.listening.read(() => 1);
    const merged = createMetricsSum(own.registry)([await createWorker(1, 0, 1).exported()]);
    assert.deepEqual(await linesOf(merged, "pogo_workers "), ["pogo_workers 1"]);
    const [memory] = await linesOf(merged, "process_resident_memory_bytes ");
    const bytes = Number(memory?.split(" ")[1]);
    assert.ok(bytes > 0 && bytes < 1.5 * process.memoryUsage.rss(), memory);
    const text = (await merged).text;
    assert.equal(text.match(/^process_start_time_seconds \d+/gm)?.length, 1);
    assert.deepEqual(await linesOf(merged, "pogo_broker_up "), ["pogo_broker_up 1"]);
  });

  it("count on where a process ended; its gauges go with it", async () => {
    const [one, other, next] = [1, 2, 3].map((pid) => createWorker(pid, 5, 1));
    assert.ok(one && other && next);
    const sum = createMetricsSum(createMetrics().registry);
    const made = "pogo_websocket_connections_opened_total{";
    for (const { metrics } of [one, other]) {
      metrics.webSocket.connectionsOpenedTotal.labels("1").inc(10);
    }
    const both = async () => sum([await one.exported(), await other.exported()]);
    assert.deepEqual(await linesOf(both(), made), [`${made}app_id="1"} 20`]);
    const silent = async () => sum([await one.exported(), { pid: 2, text: null }]);
    assert.deepEqual(await linesOf(silent(), made), [`${made}app_id="1"} 20`]);
    next.metrics.webSocket.connectionsOpenedTotal.labels("1").inc(1);
    const later = sum([await one.exported(), await next.exported()]);
    assert.deepEqual(await linesOf(later, made), [`${made}app_id="1"} 21`]);
    assert.deepEqual(await linesOf(later, "pogo_websocket_connections_active{"), [
      'pogo_websocket_connections_active{app_id="1"} 10',
    ]);
  });
});
