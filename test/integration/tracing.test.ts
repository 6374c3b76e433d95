/** Traces: which spans there are, whose they are, and that without a collector nothing is done. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connectClient } from "../kit/client.ts";
import { startCollector, type Span } from "../kit/collector.ts";
import { app, readQuestion, signedAnswer, startApp, startSidecar } from "../kit/start.ts";
import { createSigner } from "../kit/sign.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const publisher = `00-${traceId}-b7ad6b7169203331-01`;
const unsampled = `00-${traceId}-b7ad6b7169203331-00`;

/** An app that answers every question and page, and keeps the fields it was asked with. */
async function setStage(test: TestContext, env: Readonly<Record<string, string>> = {}) {
  const collector = await startCollector(test);
  const asked: Record<string, string | undefined>[] = [];
  const upstream = await startApp(test, async (req, res) => {
    const { traceparent, tracestate } = req.headers;
    asked.push({
      path: req.url,
      traceparent: traceparent?.toString(),
      tracestate: tracestate?.toString(),
    });
    if (!req.url?.startsWith("/broadcasting/auth")) return void res.end("page");
    const { socket_id, channel_name } = await readQuestion(req);
    if (channel_name === "private-no") return void res.writeHead(403).end("{}");
    res.end(JSON.stringify(signedAnswer(socket_id, channel_name)));
  });
  const sidecar = await startSidecar(test, {
    POGO_UPSTREAM: upstream,
    POGO_TRACE_ENDPOINT: collector.url,
    ...env,
  });
  const connect = () => connectClient(test, sidecar.port);
  /** As Laravel does. */
  async function publish(channels: readonly string[], headers: Record<string, string> = {}) {
    const { target, body } = createSigner(app)("events", {
      body: { name: "e", channels, data: JSON.stringify("x".repeat(10)) },
    });
    return fetch(`${sidecar.url}${target}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body,
    });
  }
  return { collector, asked, sidecar, connect, publish };
}

function spanIdIn(traceparent: string | undefined): string {
  return traceparent?.split("-")[2] ?? "";
}

describe("traces", () => {
  it("an event, from its publisher to the last write: API, broker, and one span for all connections and channels", async (test) => {
    const { collector, sidecar, connect, publish } = await setStage(test);
    const clients = await Promise.all([connect(), connect(), connect()]);
    for (const client of clients) await client.subscribe("news");
    await clients[0].subscribe("sport");
    assert.equal(
      (await publish(["news", "sport", "empty"], { traceparent: publisher })).status,
      200,
    );
    await clients[2].next("e");

    const fanOut = await collector.span("fan out");
    const broker = await collector.span("publish");
    const api = await collector.span("POST /apps/{id}/events");
    assert.deepEqual(
      [api, broker, fanOut].map((span) => [span.traceId, span.parentSpanId, span.kind]),
      [
        [traceId, "b7ad6b7169203331", 2],
        [traceId, api.spanId, 4],
        [traceId, broker.spanId, 5],
      ],
    );
    assert.equal(api.attributes["http.response.status_code"], 200);
    assert.equal(broker.attributes["messaging.batch.message_count"], 3);
    const { "pogo.channels": channels, "pogo.recipients": recipients, ...more } = fanOut.attributes;
    // The data's text has 12 characters, which are 16 as a string of JSON.
    assert.deepEqual([channels, recipients, more["pogo.bytes"]], [3, 4, 4 * 16]);
    assert.equal(collector.spans.length, 3);
    assert.ok(api.startNs <= broker.startNs && broker.startNs <= fanOut.startNs);
    assert.ok(fanOut.startNs <= fanOut.endNs);
    await sidecar.seriesBecome("pogo_trace_spans_exported_total", { "": 3 });
  });

  it("nothing of who says that it is not recorded, and nothing of a signature that is wrong", async (test) => {
    const { collector, sidecar, publish } = await setStage(test);
    assert.equal((await publish(["news"], { traceparent: unsampled })).status, 200);
    assert.equal((await sidecar.call("channels", { secret: "x" })).status, 401);
    await sidecar.stop();
    assert.deepEqual(collector.spans, []);
  });

  it("proxy F10: a page: a trace begins here, and the app is given it in place of what the client said", async (test) => {
    const { collector, asked, sidecar } = await setStage(test);
    const headers = { traceparent: publisher, tracestate: "other=1" };
    await (await fetch(`${sidecar.url}/orders?token=s`, { headers })).text();
    const page = await collector.span("GET");
    assert.notEqual(page.traceId, traceId);
    assert.equal(page.parentSpanId, "");
    assert.deepEqual(page.attributes, {
      "http.request.method": "GET",
      "url.path": "/orders",
      "http.response.status_code": 200,
    });
    assert.deepEqual(asked, [
      {
        path: "/orders?token=s",
        traceparent: `00-${page.traceId}-${page.spanId}-01`,
        tracestate: undefined,
      },
    ]);
  });

  it("the access log's line has the trace", async (test) => {
    const { collector, sidecar } = await setStage(test, { POGO_ACCESS_LOG: "all" });
    await (await fetch(`${sidecar.url}/orders`)).text();
    await sidecar.call("channels");
    const page = await collector.span("GET");
    const api = await collector.span("GET /apps/{id}/channels");
    const lines = sidecar.lines.filter(({ msg }) => msg === "request");
    assert.deepEqual(Object.fromEntries(lines.map((line) => [line["path"], line["trace_id"]])), {
      "/orders": page.traceId,
      "/apps/app-id/channels": api.traceId,
    });
  });

  it("proxy F10: a page by a trusted proxy: its trace goes on", async (test) => {
    const { collector, asked, sidecar } = await setStage(test, {
      POGO_TRUSTED_PROXIES: "127.0.0.1",
    });
    const headers = { traceparent: publisher, tracestate: "other=1" };
    await (await fetch(`${sidecar.url}/orders`, { headers })).text();
    const page = await collector.span("GET");
    assert.deepEqual([page.traceId, page.parentSpanId], [traceId, "b7ad6b7169203331"]);
    assert.deepEqual(
      [spanIdIn(asked[0]?.["traceparent"]), asked[0]?.["tracestate"]],
      [page.spanId, "other=1"],
    );
  });

  it("a question to the app: what it answered, and a no is no fault", async (test) => {
    const { collector, asked, connect } = await setStage(test);
    const client = await connect();
    assert.equal(await client.subscribe("private-yes"), 200);
    assert.equal(await client.subscribe("private-no"), 403);
    await waitFor(() => collector.spans.length === 2);
    const seen = ({ name, kind, isError, attributes }: Span) => [
      name,
      kind,
      isError,
      attributes["http.response.status_code"],
    ];
    assert.deepEqual(collector.spans.map(seen), [
      ["POST /broadcasting/auth", 3, false, 200],
      ["POST /broadcasting/auth", 3, false, 403],
    ]);
    const given = asked.map(({ traceparent }) => spanIdIn(traceparent));
    assert.deepEqual(
      given,
      collector.spans.map(({ spanId }) => spanId),
    );
  });

  it("no span has a channel, a user, a query or what is in an event", async (test) => {
    const { collector, connect, publish, sidecar } = await setStage(test);
    await (await connect()).subscribe("private-orders.7");
    await publish(["private-orders.7"]);
    await fetch(`${sidecar.url}/page?secret=1`);
    await sidecar.stop();
    assert.equal(collector.spans.length, 5);
    const shown = JSON.stringify(
      collector.spans.map(({ name, attributes }) => ({ name, attributes })),
    );
    assert.doesNotMatch(shown, /orders|secret|xxx|app-key/);
  });

  it("what is not sent yet is sent by a stop", async (test) => {
    const { collector, sidecar, publish } = await setStage(test);
    await publish(["news"]);
    await sidecar.stop();
    assert.deepEqual(collector.spans.map(({ name }) => name).toSorted(), [
      "POST /apps/{id}/events",
      "fan out",
      "publish",
    ]);
  });

  it("a collector that refuses them is logged with what to do, and nobody waits for it", async (test) => {
    const { collector, sidecar, publish } = await setStage(test);
    collector.answer(404);
    assert.equal((await publish(["news"])).status, 200);
    await sidecar.seriesBecome("pogo_trace_spans_dropped_total", { 'reason="refused"': 3 });
    const line = sidecar.lines.find(({ msg }) => msg === "the collector did not take the traces");
    assert.equal(line?.["cause"], "status 404");
    assert.match(String(line?.["hint"]), /POGO_TRACE_ENDPOINT/);
  });

  it("proxy F10: without a collector what a client says goes to the app as it came", async (test) => {
    const { asked, sidecar } = await setStage(test, { POGO_TRACE_ENDPOINT: "none" });
    const headers = { traceparent: publisher, tracestate: "other=1" };
    await (await fetch(`${sidecar.url}/orders`, { headers })).text();
    assert.deepEqual(asked, [{ path: "/orders", traceparent: publisher, tracestate: "other=1" }]);
  });

  it("OpenTelemetry's own names are read", async (test) => {
    const collector = await startCollector(test);
    const sidecar = await startSidecar(test, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20t",
      OTEL_SERVICE_NAME: "shop",
      OTEL_TRACES_SAMPLER: "always_on",
      OTEL_TRACES_SAMPLER_ARG: "0.5",
    });
    await sidecar.call("channels");
    const { service } = await collector.span("GET /apps/{id}/channels");
    assert.equal(service, "shop");
    const [request] = collector.requests;
    assert.deepEqual(
      [request?.path, request?.headers.authorization],
      ["/base/v1/traces", "Bearer t"],
    );
  });
});
