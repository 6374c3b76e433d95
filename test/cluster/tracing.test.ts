/** A trace over several nodes: Redis carries which publish an event belongs to. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { startCollector } from "../kit/collector.ts";
import { createScope, redisAt } from "./support/cluster.ts";

describe("traces of several nodes", { skip: needsRedis() }, () => {
  const scope = createScope();
  afterEach(() => scope.end());

  test("one publish is one trace, with one span of each node that has subscribers, and none of the others", async (t) => {
    const collector = await startCollector(t);
    const redis = await scope.redis();
    const env = { ...redisAt(redis.port), POGO_TRACE_ENDPOINT: collector.url };
    const names = ["a", "b", "c"];
    const nodes = await Promise.all(
      names.map((name) => scope.node({ ...env, POGO_TRACE_SERVICE_NAME: name })),
    );
    const [a, b] = nodes;
    assert.ok(a && b);
    for (const node of [a, b, b]) await (await scope.client(node)).subscribe("news");
    assert.equal((await a.api.publish("news", "x")).status, 200);
    const fanOuts = await until("a span of each node", () => {
      const found = collector.spans.filter(({ name }) => name === "fan out");
      return found.length === 2 && found;
    });
    const publish = await collector.span("publish");
    const seen = fanOuts.map(({ service, traceId, parentSpanId, attributes }) => {
      const isItsPart = traceId === publish.traceId && parentSpanId === publish.spanId;
      return `${service} ${isItsPart} ${String(attributes["pogo.recipients"])}`;
    });
    assert.deepEqual(seen.toSorted(), ["a true 1", "b true 2"]);
    assert.equal(collector.spans.length, 4);
  });
});
