import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SidecarEvent } from "../core/report.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createReport } from "./report.ts";

function createRig(level: "info" | "debug" = "info", hotPath = false) {
  const metrics = createMetrics(["1", "2"], { hotPath });
  const lines: Record<string, unknown>[] = [];
  const log = createLog(
    { level, version: "1.2.3" },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const clock = { nowMs: 0 };
  const now = (): number => clock.nowMs;
  const report = createReport({ metrics, log, now, wallClock: now });
  const series = async () =>
    new Set((await metrics.registry.metrics()).split("\n").filter((line) => !line.startsWith("#")));
  return { report, lines, clock, series };
}

const socketId = "1.2";
const subscription = { socketId, channel: "private-a" };
const asked = { appId: "1", ...subscription, status: null };

describe("report: metrics", () => {
  it("each event moves its own series", async () => {
    const { report, series } = createRig();
    for (let i = 0; i < 3; i++) report({ kind: "connection_opened", appId: "1", socketId });
    report({ kind: "connection_closed", appId: "1", socketId, code: 4200 });
    report({ kind: "connection_opened", appId: "1", socketId });
    report({ kind: "connection_closed", appId: "1", socketId, code: 3999 });
    report({ kind: "subscription_added", appId: "1", ...subscription });
    report({ kind: "subscription_added", appId: "1", ...subscription });
    report({ kind: "subscription_removed", appId: "1", ...subscription });
    report({ kind: "broadcast", appId: "1", recipients: 5 });
    report({ kind: "broadcast", appId: "1", recipients: 0 });
    const code = 4301;
    report({
      kind: "error_sent",
      appId: "1",
      ...subscription,
      code,
      reason: "rate_limit_exceeded",
    });
    report({
      kind: "error_sent",
      appId: "1",
      ...subscription,
      code,
      reason: "client_events_disabled",
    });
    const reason = "application_does_not_exist";
    const nobody = { appId: null, socketId: null, channel: null };
    report({ kind: "error_sent", ...nobody, code: 4001, reason });
    report({ kind: "authorization_refused", appId: "1", ...subscription, reason: "forbidden" });
    report({ kind: "authorization_refused", appId: "1", ...subscription, reason: "circuit_open" });
    report({ kind: "publish_refused", appId: "1", reason: "rate_limited" });
    report({ kind: "publish_refused", appId: "1", reason: "broker_queue_full" });
    report({ kind: "publish_refused", appId: "1", reason: "broker_failed" });
    report({ kind: "broker_relay_dropped", appId: "1", reason: "failed" });
    report({ kind: "handshake_refused", appId: "1", reason: "origin", sent: "http://a.test" });
    report({ kind: "handshake_refused", appId: null, reason: "unknown_key", sent: "nope" });
    const dropped = { kind: "frame_dropped", appId: "1", reason: "queue_full" } as const;
    report({ ...dropped, frame: "prepared" });
    report({ ...dropped, frame: "prepared" });
    report({ ...dropped, frame: "bytes" });
    report({ kind: "write_failed", frame: "ping" });
    const published = { kind: "messages_published", appId: "1", messages: 4 } as const;
    report({ ...published, validateMs: 1, brokerMs: 2 });
    report({ kind: "api_request_finished", route: "events", status: 200, durationMs: 3 });
    report({ kind: "api_signature_refused", appId: "1", reason: "auth_timestamp" });
    const endpoint = { appId: "1", endpoint: "a.test:443", events: 3 };
    report({ kind: "webhook_dropped", ...endpoint, reason: "queue_full" });
    report({ kind: "webhook_delivered", ...endpoint, status: 200, durationMs: 500 });
    const timeout = { fault: { kind: "timeout" }, failures: 1, retryInMs: 1 } as const;
    report({ kind: "webhook_failed", ...endpoint, ...timeout });
    report({ kind: "proxy_finished", method: "GET", status: 200, durationMs: 1_000 });
    report({ kind: "proxy_finished", method: "GET", status: 502, durationMs: 1_000 });
    const fault = { fault: "connect_failed", cause: "ECONNREFUSED" } as const;
    report({ kind: "proxy_failed", id: "r", method: "GET", path: "/", status: 502, ...fault });
    report({ kind: "authorization_withheld", reason: "circuit_open" });
    report({
      kind: "authorization_finished",
      ...asked,
      outcome: "ok",
      durationMs: 250,
      isTriedAgain: false,
    });
    report({ kind: "broker_message_ignored", reason: "not_json" });
    report({ kind: "broker_replayed", appId: "1", messages: 7 });
    report({ kind: "broker_gap", appId: "1" });
    report({ kind: "node_taken_over", appId: "1", nodeId: "n" });
    report({ kind: "draining", connections: 2, requests: 1, tunnels: 0 });
    const seen = await series();
    for (const line of [
      'pogo_websocket_connections_active{app_id="1"} 2',
      'pogo_websocket_subscriptions_active{app_id="1"} 1',
      'pogo_websocket_connections_opened_total{app_id="1"} 4',
      'pogo_websocket_connections_closed_total{app_id="1",code="4200"} 1',
      'pogo_websocket_connections_closed_total{app_id="1",code="other"} 1',
      'pogo_websocket_messages_total{app_id="1"} 4',
      'pogo_api_requests_total{route="events",code="200"} 1',
      'pogo_api_request_duration_seconds_sum{route="events"} 0.003',
      'pogo_websocket_broadcasts_total{app_id="1"} 2',
      'pogo_websocket_deliveries_total{app_id="1"} 5',
      'pogo_websocket_errors_sent_total{app_id="1",code="4301",reason="rate_limit_exceeded"} 1',
      'pogo_websocket_errors_sent_total{app_id="1",code="4301",reason="client_events_disabled"} 1',
      'pogo_websocket_errors_sent_total{app_id="",code="4001",reason="application_does_not_exist"} 1',
      'pogo_websocket_auth_failures_total{app_id="1",reason="forbidden"} 1',
      'pogo_websocket_auth_failures_total{app_id="1",reason="circuit_open"} 1',
      "pogo_websocket_circuit_breaker_open_total 1",
      'pogo_websocket_publish_failures_total{app_id="1",reason="rate_limited"} 1',
      'pogo_websocket_broker_dropped_messages_total{app_id="1",reason="queue_full"} 1',
      'pogo_websocket_broker_dropped_messages_total{app_id="1",reason="failed"} 2',
      'pogo_websocket_handshakes_refused_total{app_id="1",reason="origin"} 1',
      'pogo_websocket_handshakes_refused_total{app_id="",reason="unknown_key"} 1',
      'pogo_websocket_client_dropped_messages_total{app_id="1",reason="queue_full",kind="prepared"} 2',
      'pogo_websocket_client_dropped_messages_total{app_id="1",reason="queue_full",kind="bytes"} 1',
      'pogo_websocket_write_failures_total{kind="ping"} 1',
      'pogo_api_signatures_refused_total{app_id="1",reason="auth_timestamp"} 1',
      'pogo_websocket_webhook_dropped_total{app_id="1",reason="queue_full"} 3',
      'pogo_websocket_webhook_delivered_total{app_id="1"} 3',
      "pogo_websocket_webhook_duration_seconds_sum 0.5",
      'pogo_websocket_webhook_attempts_failed_total{app_id="1",fault="timeout"} 1',
      'pogo_proxy_requests_total{code="200"} 1',
      'pogo_proxy_requests_total{code="502"} 1',
      'pogo_proxy_faults_total{fault="connect_failed"} 1',
      "pogo_proxy_request_duration_seconds_sum 2",
      // Only requests to the app have a duration.
      "pogo_websocket_auth_duration_seconds_count 1",
      "pogo_websocket_auth_duration_seconds_sum 0.25",
      'pogo_broker_ignored_messages_total{reason="not_json"} 1',
      'pogo_broker_replayed_messages_total{app_id="1"} 7',
      'pogo_broker_gaps_total{app_id="1"} 1',
      'pogo_node_takeovers_total{app_id="1"} 1',
      "pogo_draining 1",
    ]) {
      assert.ok(seen.has(line), line);
    }
  });
});

describe("report: the hot path", () => {
  const names = ["fanout_subscribers", "client_queue_depth", "client_queue_residence_seconds"];

  function reportAll({ report }: ReturnType<typeof createRig>): void {
    report({ kind: "broadcast", appId: "1", recipients: 3 });
    const published = { kind: "messages_published", appId: "1", messages: 4 } as const;
    report({ ...published, validateMs: 1, brokerMs: 2 });
    report({ kind: "frame_queued", waiting: 5 });
    report({ kind: "frames_written", residenceMs: 2 });
    report({ kind: "write_finished", frame: "prepared", durationMs: 4 });
  }

  it("is measured where that is wanted", async () => {
    const rig = createRig("info", true);
    reportAll(rig);
    const seen = await rig.series();
    for (const name of names) assert.ok(seen.has(`pogo_websocket_${name}_count 1`), name);
    assert.ok(seen.has("pogo_websocket_fanout_subscribers_sum 3"));
    const phases = { validate: 0.001, broker: 0.002, total: 0.003 };
    for (const [phase, seconds] of Object.entries(phases)) {
      const series = `pogo_websocket_publish_duration_seconds_sum{phase="${phase}"}`;
      assert.ok(seen.has(`${series} ${seconds}`), phase);
    }
    assert.ok(seen.has("pogo_websocket_client_queue_depth_sum 5"));
    assert.ok(seen.has("pogo_websocket_client_queue_residence_seconds_sum 0.002"));
    assert.ok(seen.has('pogo_websocket_write_duration_seconds_sum{kind="prepared"} 0.004'));
  });

  it("has no series where it is not", async () => {
    const rig = createRig();
    reportAll(rig);
    const seen = [...(await rig.series())].join("\n");
    assert.doesNotMatch(seen, /publish_duration|fanout|queue_depth|residence|write_duration/);
  });
});

describe("report: who watches", () => {
  const published = { kind: "messages_published", appId: "1", messages: 1 } as const;
  const event = { appId: "1", channel: "a", event: "E", dataJson: "1" };

  it("details and contents are made only while they are wanted, and details are not logged for it", () => {
    const { report, lines } = createRig("info");
    assert.deepEqual([report.details, report.contents], [undefined, undefined]);
    const seen: SidecarEvent[] = [];
    const see = (event: SidecarEvent): void => void seen.push(event);
    report.watch({ see, hasDetails: true, contents: null });
    const asked = {
      kind: "event_published",
      appId: "1",
      event: "E",
      channels: [],
      bytes: 1,
    } as const;
    report.details?.(asked);
    report({ ...published, validateMs: 1, brokerMs: 1 });
    assert.deepEqual(
      seen.map(({ kind }) => kind),
      ["event_published", "messages_published"],
    );
    assert.deepEqual([report.contents, lines], [undefined, []]);
    let contents = 0;
    report.watch({ see, hasDetails: true, contents: () => void (contents += 1) });
    report.contents?.(event, 1);
    report.watch(null);
    report({ ...published, validateMs: 1, brokerMs: 1 });
    assert.deepEqual(
      [report.details, report.contents, contents, seen.length],
      [undefined, undefined, 1, 2],
    );
  });

  it("where debug is logged, details stay when who watched has gone", () => {
    const { report, lines } = createRig("debug");
    report.watch({ see: () => undefined, hasDetails: true, contents: null });
    report.watch(null);
    report.details?.({ kind: "event_published", appId: "1", event: "E", channels: [], bytes: 1 });
    assert.equal(lines.length, 1);
  });

  it("the last refusals are kept, as many as 200, with their time, and without what is ordinary", () => {
    const { report, clock } = createRig();
    for (let nth = 1; nth <= 250; nth++) {
      clock.nowMs = nth;
      report({ kind: "authorization_refused", appId: "1", ...subscription, reason: "forbidden" });
    }
    report({ kind: "handshake_refused", appId: null, reason: "draining", sent: null });
    report({ kind: "connection_opened", appId: "1", socketId });
    const kept = report.refusals();
    assert.deepEqual([kept.length, kept[0]?.atMs, kept.at(-1)?.atMs], [200, 51, 250]);
  });

  it("when one kind comes by the thousand its oldest are dropped, and other kinds stay", () => {
    const { report } = createRig();
    report({ kind: "authorization_refused", appId: "1", ...subscription, reason: "forbidden" });
    for (let index = 0; index < 1_000; index++) {
      report({ kind: "publish_refused", appId: "1", reason: "rate_limited" });
    }
    report({ kind: "api_asked_elsewhere" });
    const kinds = report.refusals().map(({ event }) => event.kind);
    assert.deepEqual(
      [kinds.length, kinds[0], kinds[1], kinds.at(-1)],
      [200, "authorization_refused", "publish_refused", "api_asked_elsewhere"],
    );
  });

  it("a thousand refusals of one reason are looked at per second, and other reasons as well", () => {
    const { report, clock } = createRig();
    const about = { appId: "1", ...subscription };
    const last = (): readonly string[] =>
      report
        .refusals()
        .slice(-2)
        .map(({ atMs, event }) => `${event.kind} at ${atMs}`);
    for (let nth = 0; nth < 1_000; nth++) {
      report({ kind: "error_sent", ...about, code: 4200, reason: "invalid_message_format" });
    }
    clock.nowMs = 999;
    report({ kind: "authorization_refused", ...about, reason: "forbidden" });
    report({ kind: "error_sent", ...about, code: 4200, reason: "invalid_message_format" });
    assert.deepEqual(last(), ["error_sent at 0", "authorization_refused at 999"]);
    clock.nowMs = 1_000;
    report({ kind: "error_sent", ...about, code: 4200, reason: "invalid_message_format" });
    assert.deepEqual(last(), ["authorization_refused at 999", "error_sent at 1000"]);
  });

  it("a copy is kept, since the object may be reused", () => {
    const { report } = createRig();
    const refused = {
      kind: "publish_refused",
      appId: "1",
      reason: "rate_limited" as string,
    } as const;
    const again = { ...refused } as { reason: string };
    report(again as SidecarEvent<"publish_refused">);
    again.reason = "changed";
    assert.deepEqual(report.refusals()[0]?.event, refused);
  });

  it("text made up by a client is kept shortened", () => {
    const { report } = createRig();
    const sent = "k".repeat(10_000);
    report({ kind: "handshake_refused", appId: null, reason: "unknown_key", sent });
    const [{ event } = assert.fail()] = report.refusals();
    assert.equal("sent" in event && event.sent?.length, 256);
  });

  it("says what the log has of an event, whatever its level; nothing of what is only counted", () => {
    const { report } = createRig();
    const line = report.lineOf({
      kind: "authorization_refused",
      appId: "1",
      ...subscription,
      reason: "forbidden",
    });
    assert.deepEqual(
      [line?.level, line?.message, line?.fields["channel"]],
      ["debug", "subscription or signin refused", "private-a"],
    );
    assert.match(line?.hint ?? "", /routes\/channels\.php/);
    assert.equal(report.lineOf({ kind: "broadcast", appId: "1", recipients: 1 }), null);
    const draining = {
      kind: "handshake_refused",
      appId: null,
      reason: "draining",
      sent: null,
    } as const;
    assert.equal(report.lineOf(draining), null);
  });
});

describe("report: log", () => {
  it("a signature made with another app's key is logged with that key, cut short, and not too often", () => {
    const { report, lines, clock } = createRig();
    report({
      kind: "client_signature_refused",
      ...subscription,
      fault: "wrong_key",
      appId: "1",
      sentKey: "k".repeat(100),
    });
    report({
      kind: "client_signature_refused",
      ...subscription,
      fault: "wrong_key",
      appId: "1",
      sentKey: "again",
    });
    assert.deepEqual(
      lines.map(({ app_id, sent_app_key }) => [app_id, sent_app_key]),
      [["1", "k".repeat(64)]],
    );
    clock.nowMs += 10_000;
    report({
      kind: "client_signature_refused",
      ...subscription,
      fault: "wrong_key",
      appId: "1",
      sentKey: "later",
    });
    assert.deepEqual([lines[1]?.["sent_app_key"], lines[1]?.["suppressed"]], ["later", 1]);
  });

  it("a failed authorization is logged with what to look at, one that the app refused is not", () => {
    const { report, lines } = createRig();
    report({
      kind: "authorization_finished",
      ...asked,
      outcome: "ok",
      durationMs: 5,
      isTriedAgain: false,
    });
    report({
      kind: "authorization_finished",
      ...asked,
      outcome: "forbidden",
      durationMs: 5,
      isTriedAgain: false,
    });
    report({ kind: "authorization_withheld", reason: "circuit_open" });
    assert.deepEqual(lines, []);
    report({
      kind: "authorization_finished",
      ...asked,
      outcome: "timeout",
      durationMs: 3_000,
      isTriedAgain: false,
    });
    report({ kind: "authorization_withheld", reason: "concurrency_limit" });
    assert.match(String(lines[0]?.["hint"]), /POGO_AUTH_TIMEOUT/);
    assert.match(String(lines[1]?.["hint"]), /POGO_MAX_CONCURRENT_AUTH/);
  });

  it("a request that the app failed is logged with its cause; one that it answered in the access log alone", () => {
    for (const level of ["info", "debug"] as const) {
      const { report, lines } = createRig(level);
      report({ kind: "proxy_finished", method: "GET", status: 502, durationMs: 1 });
      const fault = { fault: "connect_failed", cause: "ECONNREFUSED" } as const;
      report({ kind: "proxy_failed", id: "r", method: "GET", path: "/", status: 502, ...fault });
      const warned = lines.filter((line) => line["level"] === "warn");
      assert.deepEqual(
        warned.map(({ cause }) => cause),
        ["ECONNREFUSED"],
      );
      assert.deepEqual([lines[0]?.["path"], lines[0]?.["request_id"]], ["/", "r"]);
      assert.equal(lines.length, 1);
    }
  });

  it("each fault of the app, each reason and each endpoint is logged by itself", () => {
    const { report, lines } = createRig();
    const failed = {
      kind: "proxy_failed",
      id: "r",
      method: "GET",
      path: "/",
      status: 502,
    } as const;
    const webhook = { kind: "webhook_failed", appId: "1", endpoint: "a.test", events: 1 } as const;
    const timeout = { fault: { kind: "timeout" }, failures: 1, retryInMs: 1 } as const;
    const refused = { kind: "api_signature_refused" } as const;
    for (let round = 0; round < 2; round += 1) {
      report({ ...failed, fault: "connect_failed", cause: "ECONNREFUSED" });
      report({ ...failed, fault: "bad_response", cause: "HPE_INVALID_CONSTANT" });
      report({
        kind: "authorization_finished",
        ...asked,
        outcome: "timeout",
        durationMs: 1,
        isTriedAgain: false,
      });
      report({
        kind: "authorization_finished",
        ...asked,
        outcome: "worker_error",
        durationMs: 1,
        isTriedAgain: false,
      });
      report({ ...refused, appId: "1", reason: "auth_key" });
      report({ ...refused, appId: "1", reason: "auth_timestamp" });
      report({ ...refused, appId: "2", reason: "auth_key" });
      report({ ...webhook, ...timeout });
      report({ ...webhook, ...timeout, endpoint: "b.test" });
      report({ ...webhook, ...timeout, fault: { kind: "status", status: 419 } });
      report({
        kind: "client_signature_refused",
        ...subscription,
        fault: "wrong_key",
        appId: "1",
        sentKey: "foreign",
      });
      report({
        kind: "client_signature_refused",
        ...subscription,
        fault: "wrong_key",
        appId: "2",
        sentKey: "foreign",
      });
      // What a client chooses makes no key.
      report({
        kind: "client_signature_refused",
        ...subscription,
        fault: "wrong_key",
        appId: "1",
        sentKey: "another",
      });
    }
    const keys = lines.map((line) =>
      ["app_id", "endpoint", "fault", "reason"]
        .flatMap((name) => line[name] ?? [])
        .map((value) => (typeof value === "string" ? value : String(Object(value).kind)))
        .join(" "),
    );
    assert.deepEqual(keys, [
      "connect_failed",
      "bad_response",
      "timeout",
      "worker_error",
      "1 auth_key",
      "1 auth_timestamp",
      "2 auth_key",
      "1 a.test timeout",
      "1 b.test timeout",
      "1 a.test status",
      "1 wrong_key",
      "2 wrong_key",
    ]);
  });

  const refusals: readonly SidecarEvent[] = [
    { kind: "handshake_refused", appId: null, reason: "unknown_key", sent: "nope" },
    { kind: "handshake_refused", appId: "1", reason: "origin", sent: "http://a.test" },
    { kind: "handshake_refused", appId: "1", reason: "over_quota", sent: null },
    { kind: "handshake_refused", appId: "1", reason: "over_capacity", sent: null },
    { kind: "handshake_refused", appId: null, reason: "rate_limit", sent: null },
    { kind: "handshake_misdirected", appId: "1", reason: "no_upgrade" },
    { kind: "handshake_misdirected", appId: "1", reason: "path" },
    {
      kind: "client_signature_refused",
      ...subscription,
      fault: "wrong_key",
      appId: "1",
      sentKey: "k",
    },
    {
      kind: "client_signature_refused",
      ...subscription,
      fault: "mismatch",
      appId: "1",
      sentKey: null,
    },
    { kind: "error_sent", appId: "1", ...subscription, code: 1009, reason: "message_too_long" },
    { kind: "error_sent", appId: "1", ...subscription, code: 4200, reason: "invalid_channel_name" },
    {
      kind: "error_sent",
      appId: "1",
      ...subscription,
      code: 4301,
      reason: "client_event_rate_exceeded",
    },
    { kind: "api_app_unknown", sentAppId: "nope" },
    { kind: "api_signature_refused", appId: "1", reason: "auth_timestamp" },
    { kind: "publish_refused", appId: "1", reason: "invalid_channel" },
    { kind: "publish_refused", appId: "1", reason: "payload_too_large" },
    { kind: "broker_relay_dropped", appId: "1", reason: "failed" },
    { kind: "request_refused", reason: "tls", status: 400, id: null, method: null, path: null },
    {
      kind: "request_refused",
      reason: "head_too_large",
      status: 431,
      id: null,
      method: null,
      path: null,
    },
    { kind: "authorization_withheld", reason: "origin" },
    { kind: "authorization_withheld", reason: "concurrency_limit" },
    { kind: "redis_lost", reason: "ECONNREFUSED" },
    { kind: "open_files_limited", limit: 1_024, maxConnections: 10_000 },
    { kind: "open_files_exhausted", limit: 1_024 },
    { kind: "connection_refused", limit: 20 },
    { kind: "field_dropped", name: "X_Tenant" },
    { kind: "node_taken_over", appId: "1", nodeId: "n" },
  ];
  for (const event of refusals) {
    const name = "reason" in event ? `${event.kind}: ${event.reason}` : event.kind;
    it(`${name} is logged at info, with what to do`, () => {
      const { report, lines } = createRig("info");
      report(event);
      assert.equal(lines.length, 1);
      assert.match(String(lines[0]?.["hint"]), /\w/);
    });
  }

  it("ordinary events are not logged: a drain, a pong that did not come", () => {
    const { report, lines } = createRig("info");
    report({ kind: "handshake_refused", appId: null, reason: "draining", sent: null });
    report({ kind: "error_sent", appId: "1", ...subscription, code: 4201, reason: "pong_timeout" });
    assert.deepEqual(lines, []);
  });

  it("a webhook endpoint's answer says what to look at there", () => {
    const { report, lines } = createRig("info");
    const failed = { kind: "webhook_failed", appId: "1", events: 1, failures: 1 } as const;
    const hints = { 302: /redirects/, 401: /signature/, 404: /route/, 419: /CSRF/, 500: /own log/ };
    for (const status of Object.keys(hints)) {
      const fault = { kind: "status", status: Number(status) } as const;
      report({ ...failed, endpoint: `${status}.test`, fault, retryInMs: 1 });
    }
    for (const [index, hint] of Object.values(hints).entries()) {
      assert.match(String(lines[index]?.["hint"]), hint);
    }
  });

  it("text sent by a client is shortened", () => {
    const { report, lines } = createRig("info");
    report({ kind: "handshake_refused", appId: "1", reason: "origin", sent: "o".repeat(5_000) });
    report({ kind: "api_app_unknown", sentAppId: "i".repeat(5_000) });
    for (const line of lines) assert.ok(JSON.stringify(line).length < 500);
  });
});
