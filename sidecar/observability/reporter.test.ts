import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { createMetrics } from "./metrics.ts";
import { createReporter } from "./reporter.ts";

function createRig() {
  const metrics = createMetrics();
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const clock = { nowMs: 0 };
  const reporter = createReporter({ metrics, log, now: () => clock.nowMs });
  const has = async (line: string): Promise<boolean> =>
    (await metrics.registry.metrics()).split("\n").includes(line);
  return { reporter, lines, clock, has };
}

describe("reporter", () => {
  it("a signature made with another app's key is logged with that key, cut short, and not too often", () => {
    const { reporter, lines, clock } = createRig();
    reporter.observer.authorizationFailed("1", "invalid_signature", "k".repeat(100));
    reporter.observer.authorizationFailed("1", "invalid_signature", "again");
    reporter.observer.authorizationFailed("1", "invalid_signature");
    assert.deepEqual(
      lines.map(({ app_id, sent_app_key }) => [app_id, sent_app_key]),
      [["1", "k".repeat(64)]],
    );
    clock.nowMs += 10_000;
    reporter.observer.authorizationFailed("1", "invalid_signature", "later");
    assert.deepEqual([lines[1]?.["sent_app_key"], lines[1]?.["suppressed"]], ["later", 1]);
  });

  it("a failed authorization is logged with a hint, one that the app refused is not", () => {
    const { reporter, lines } = createRig();
    reporter.authorizationEnded({ reason: "ok", durationMs: 5 });
    reporter.authorizationEnded({ reason: "forbidden", durationMs: 5 });
    assert.deepEqual(lines, []);
    reporter.authorizationEnded({ reason: "timeout", durationMs: 3_000 });
    assert.match(String(lines[0]?.["hint"]), /POGO_AUTH_TIMEOUT/);
  });

  it("only questions that were asked have a duration", async () => {
    const { reporter, has } = createRig();
    reporter.authorizationEnded({ reason: "circuit_open", durationMs: 0 });
    reporter.authorizationEnded({ reason: "ok", durationMs: 250 });
    assert.ok(await has("pogo_websocket_auth_duration_seconds_count 1"));
    assert.ok(await has("pogo_websocket_auth_duration_seconds_sum 0.25"));
  });

  it("a proxied request counts by status, and one that the upstream failed by fault too", async () => {
    const { reporter, lines, has } = createRig();
    reporter.proxyFinished({ method: "GET", status: 200, durationMs: 1_000 });
    const fault = { fault: "connect_failed", cause: "ECONNREFUSED" };
    reporter.proxyFinished({ method: "GET", status: 502, durationMs: 1_000, ...fault });
    assert.ok(await has('pogo_proxy_requests_total{code="200"} 1'));
    assert.ok(await has('pogo_proxy_requests_total{code="502"} 1'));
    assert.ok(await has('pogo_proxy_faults_total{fault="connect_failed"} 1'));
    assert.ok(await has("pogo_proxy_request_duration_seconds_sum 2"));
    assert.deepEqual(
      lines.map(({ level, cause }) => [level, cause]),
      [[40, "ECONNREFUSED"]],
    );
  });

  it("a change of the breaker is logged and shown", async () => {
    const { reporter, lines, has } = createRig();
    reporter.breakerChanged("open");
    assert.equal(lines[0]?.["state"], "open");
    assert.ok(await has('pogo_websocket_circuit_breaker_state{state="open"} 1'));
    assert.ok(await has('pogo_websocket_circuit_breaker_state{state="closed"} 0'));
  });

  it("what is dropped and refused counts for its app, or for none before one is known", async () => {
    const { reporter, lines, has } = createRig();
    reporter.handshakeRefused("origin", "1");
    reporter.handshakeRefused("unknown_key", null);
    reporter.frameDropped("1");
    reporter.frameDropped("1");
    reporter.apiSignatureRefused("1", "auth_timestamp");
    reporter.webhookDropped("1", "queue_full", 3);
    reporter.webhookFailed({ appId: "1", endpoint: "a.test:443", fault: { kind: "timeout" } });
    for (const line of [
      'pogo_websocket_handshakes_refused_total{app_id="1",reason="origin"} 1',
      'pogo_websocket_handshakes_refused_total{app_id="",reason="unknown_key"} 1',
      'pogo_websocket_client_dropped_messages_total{app_id="1"} 2',
      'pogo_api_signatures_refused_total{app_id="1",reason="auth_timestamp"} 1',
      'pogo_websocket_webhook_dropped_total{app_id="1",reason="queue_full"} 3',
    ]) {
      assert.ok(await has(line), line);
    }
    assert.deepEqual(
      lines.map(({ msg, app_id }) => [msg, app_id]),
      [
        ["API request refused: its signature does not hold", "1"],
        ["webhook events dropped", "1"],
        ["a webhook endpoint did not take a batch", "1"],
      ],
    );
  });
});
