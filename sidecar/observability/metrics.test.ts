import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createMetrics,
  createMetricsObserver,
  measure,
  measureApps,
  setCircuitBreakerState,
  startAtZero,
  type Metrics,
} from "./metrics.ts";

/** Series of ours that are not what the process itself measures, as they stand in the text. */
async function seriesOf({ registry }: Metrics): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith("pogo_") && !line.includes("_bucket{"));
}

async function seriesNamed(metrics: Metrics, name: string): Promise<string[]> {
  return (await seriesOf(metrics)).filter((line) => line.startsWith(name));
}

describe("metrics", () => {
  it("are there from the start for each app, at zero", async () => {
    const metrics = createMetrics();
    startAtZero(metrics, ["1", "2"]);
    const series = await seriesOf(metrics);
    for (const name of [
      "connections_active",
      "subscriptions_active",
      "messages_total",
      "deliveries_total",
      "client_dropped_messages_total",
    ]) {
      for (const id of ["1", "2"]) {
        assert.ok(series.includes(`pogo_websocket_${name}{app_id="${id}"} 0`), `${name} of ${id}`);
      }
    }
  });

  it("have labels from closed sets only: nothing that a client could make up", async () => {
    const metrics = createMetrics();
    const labels = new Set(
      (await metrics.registry.getMetricsAsJSON())
        .filter(({ name }) => name.startsWith("pogo_"))
        .flatMap(({ name }) => {
          const metric: unknown = metrics.registry.getSingleMetric(name);
          return (metric as { labelNames: string[] }).labelNames;
        }),
    );
    assert.deepEqual([...labels].toSorted(), ["app_id", "code", "fault", "reason", "state"]);
  });

  it("of one sidecar are not those of another", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.draining.set(1);
    assert.deepEqual(await seriesNamed(one, "pogo_draining"), ["pogo_draining 1"]);
    assert.deepEqual(await seriesNamed(other, "pogo_draining"), ["pogo_draining 0"]);
  });

  it("are read at every scrape where they are measured, for each app where they are an app's", async () => {
    const metrics = createMetrics();
    const depths = new Map([["1", 3]]);
    measure(metrics, { name: "pogo_sum", help: "…", read: () => depths.get("1") ?? 0 });
    const read = (appId: string) => depths.get(appId) ?? 0;
    measureApps(metrics, { name: "pogo_depth", help: "…", appIds: ["1", "2"], read });
    const [one, two] = ['pogo_depth{app_id="1"}', 'pogo_depth{app_id="2"}'];
    assert.deepEqual(await seriesNamed(metrics, "pogo_depth"), [`${one} 3`, `${two} 0`]);
    depths.set("1", 0).set("2", 7);
    assert.deepEqual(await seriesNamed(metrics, "pogo_depth"), [`${one} 0`, `${two} 7`]);
    assert.deepEqual(await seriesNamed(metrics, "pogo_sum"), ["pogo_sum 0"]);
  });

  it("show the breaker's state as one of three", async () => {
    const metrics = createMetrics();
    const name = "pogo_websocket_circuit_breaker_state";
    for (const state of ["closed", "open", "half-open"] as const) {
      setCircuitBreakerState(metrics, state);
      const series = await seriesNamed(metrics, name);
      assert.equal(series.length, 3);
      assert.deepEqual(
        series.filter((line) => line.endsWith(" 1")),
        [`${name}{state="${state}"} 1`],
      );
    }
  });
});

describe("metrics: what the core reports", () => {
  it("each call moves its own series", async () => {
    const metrics = createMetrics();
    const observer = createMetricsObserver(metrics);
    for (let i = 0; i < 3; i++) observer.connectionOpened("1");
    observer.connectionClosed("1");
    observer.subscribed("1");
    observer.subscribed("1");
    observer.unsubscribed("1");
    observer.broadcast("1", 5);
    observer.broadcast("1", 0);
    observer.errorSent("1", { code: 4301, reason: "rate_limit_exceeded" });
    observer.errorSent("1", { code: 4301, reason: "client_events_disabled" });
    observer.errorSent(null, { code: 4001, reason: "application_does_not_exist" });
    observer.authorizationFailed("1", "forbidden");
    observer.authorizationFailed("1", "circuit_open");
    observer.publishFailed("1", "rate_limited");
    observer.publishFailed("1", "broker_queue_full");
    observer.publishFailed("1", "broker_failed");
    const series = new Set(await seriesOf(metrics));
    for (const line of [
      'connections_active{app_id="1"} 2',
      'subscriptions_active{app_id="1"} 1',
      'messages_total{app_id="1"} 2',
      'deliveries_total{app_id="1"} 5',
      'errors_sent_total{app_id="1",code="4301",reason="rate_limit_exceeded"} 1',
      'errors_sent_total{app_id="1",code="4301",reason="client_events_disabled"} 1',
      'errors_sent_total{app_id="",code="4001",reason="application_does_not_exist"} 1',
      'auth_failures_total{app_id="1",reason="forbidden"} 1',
      'auth_failures_total{app_id="1",reason="circuit_open"} 1',
      "circuit_breaker_open_total 1",
      'publish_failures_total{app_id="1",reason="rate_limited"} 1',
      "broker_dropped_messages_total 2",
    ]) {
      assert.ok(series.has(`pogo_websocket_${line}`), line);
    }
  });
});
