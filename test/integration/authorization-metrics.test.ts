/** Row A24: what an operator reads in `/metrics` about authorizations, each case brought about in a running sidecar. */

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it, type TestContext } from "node:test";
import type { AuthorizationFault } from "../../sidecar/core/ports.ts";

import { connectClient, type Client } from "../kit/client.ts";
import {
  readQuestion,
  signedAnswer,
  startApp,
  startSidecar,
  type RunningSidecar,
} from "../kit/start.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";

/** The app's questions that wait for a word of the test. */
type Held = readonly { readonly allow: () => void }[];

interface Stage {
  readonly sidecar: RunningSidecar;
  readonly held: Held;
  connect(headers?: Record<string, string>): Promise<Client>;
}

/** What the app answers, by the channel. */
const answers: Readonly<Record<string, (res: ServerResponse, socketId: string) => void>> = {
  "private-ok": (res, socketId) =>
    void res.end(JSON.stringify(signedAnswer(socketId, "private-ok"))),
  "private-forbidden": (res) => void res.writeHead(403).end("{}"),
  "private-error": (res) => void res.writeHead(500).end("{}"),
  "private-reset": (res) => res.socket?.resetAndDestroy(),
  "private-silent": () => undefined,
  "private-404": (res) => void res.writeHead(404).end("{}"),
  "private-405": (res) => void res.writeHead(405).end("{}"),
  "private-419": (res) => void res.writeHead(419).end("{}"),
  "private-302": (res) => void res.writeHead(302, { Location: "/login" }).end(),
  "private-422": (res) => void res.writeHead(422).end("{}"),
  "private-429": (res) => void res.writeHead(429).end("{}"),
  "private-502": (res) => void res.writeHead(502).end("{}"),
  "private-head": (res) => void res.writeHead(200, { "X-A": "a".repeat(99_000) }).end("{}"),
  "private-noise": (res) => void res.socket?.end("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
  "private-long": (res) => void res.end(JSON.stringify({ auth: "x".repeat(200) })),
  "private-page": (res) => void res.end("<!doctype html>"),
  "private-unsigned": (res) => void res.end("{}"),
  "private-foreign": (res) => void res.end(JSON.stringify({ auth: "app-key:00" })),
  "presence-nobody": (res, socketId) =>
    void res.end(JSON.stringify(signedAnswer(socketId, "presence-nobody"))),
  signin: (res) => void res.end(JSON.stringify({ auth: "app-key:00" })),
};

async function setStage(
  test: TestContext,
  env: Record<string, string>,
  clock: { now: () => number; onQuestion?: () => void } = { now: () => performance.now() },
): Promise<Stage> {
  const held: { allow: () => void }[] = [];
  let failures = 0;
  const url = await startApp(test, async (req, res) => {
    const { channel_name, socket_id: socketId } = await readQuestion(req);
    clock.onQuestion?.();
    const channel = channel_name || "signin";
    if (channel === "private-flaky" && failures++ === 0) return void res.writeHead(500).end("{}");
    const isHeld = channel === "private-held" || channel === "private-flaky";
    if (!isHeld) return answers[channel]?.(res, socketId);
    held.push({ allow: () => void res.end(JSON.stringify(signedAnswer(socketId, channel))) });
  });
  const defaults = { POGO_UPSTREAM: url, POGO_AUTH_RETRY_FOR: "0" };
  const sidecar = await startSidecar(test, { ...defaults, ...env }, clock);
  return { sidecar, held, connect: (headers) => connectClient(test, sidecar.port, headers) };
}

interface Row {
  readonly env?: Record<string, string>;
  /** How often the app is asked meanwhile. */
  readonly asked: number;
  /** What else is counted, on the way. */
  readonly also?: Partial<Record<AuthorizationFault, number>>;
  readonly provoke: (stage: Stage) => Promise<void>;
}

/** Peers of this machine say which address they come from, so that several visitors are several. */
const trusting = { POGO_TRUSTED_PROXIES: "127.0.0.1" };
const visitor = (number: number) => ({ "X-Forwarded-For": `203.0.113.${number}` });

/** A single question about a channel, and the status that the client is told. */
function asking(channel: string, status: number, env: Record<string, string> = {}): Row {
  return {
    env,
    asked: 1,
    provoke: async ({ connect }) =>
      assert.equal(await (await connect()).subscribe(channel), status),
  };
}

/** How each reason comes about; `aborted` comes to no client, so it is counted nowhere. */
const rows: Readonly<Record<AuthorizationFault, Row>> = {
  origin: {
    asked: 0,
    async provoke({ connect }) {
      const evil = await connect({ Origin: "http://evil.example", Cookie: "session=ada" });
      assert.equal(await evil.subscribe("private-ok"), 403);
    },
  },
  forbidden: asking("private-forbidden", 403),
  too_many_failures: {
    env: { POGO_MAX_AUTH_DENIALS: "2" },
    asked: 2,
    also: { forbidden: 2 },
    async provoke({ connect }) {
      const client = await connect();
      for (const status of [403, 403, 503]) {
        assert.equal(await client.subscribe("private-forbidden"), status);
      }
    },
  },
  concurrency_limit: {
    env: { POGO_MAX_CONCURRENT_AUTH: "1" },
    asked: 1,
    async provoke({ connect, held }) {
      const [first, second] = [await connect(), await connect()];
      const waits = first.subscribe("private-held");
      await waitFor(() => held.length === 1);
      assert.equal(await second.subscribe("private-ok"), 503);
      held[0]?.allow();
      assert.equal(await waits, 200);
    },
  },
  queue_full: {
    env: {
      POGO_MAX_CONCURRENT_AUTH: "1",
      POGO_MAX_AUTH_QUEUE: "1",
      POGO_AUTH_RETRY_FOR: "30s",
    },
    asked: 2,
    async provoke({ sidecar, connect, held }) {
      const [first, second, third] = [await connect(), await connect(), await connect()];
      const asked = first.subscribe("private-held");
      await waitFor(() => held.length === 1);
      const waits = second.subscribe("private-ok");
      await sidecar.seriesBecome("pogo_websocket_auth_waiting", { 'app_id="app-id"': 1 });
      const replaces = third.subscribe("private-ok");
      assert.equal(await waits, 503);
      held[0]?.allow();
      assert.deepEqual(await Promise.all([asked, replaces]), [200, 200]);
    },
  },
  circuit_open: {
    env: { ...trusting, POGO_AUTH_BREAKER_FAILURES: "2" },
    asked: 2,
    also: { service_unavailable: 2 },
    async provoke({ connect }) {
      for (const [i, channel] of ["private-502", "private-502", "private-ok"].entries()) {
        assert.equal(await (await connect(visitor(i))).subscribe(channel), 503);
      }
    },
  },
  route_not_found: asking("private-404", 403),
  method_not_allowed: asking("private-405", 403),
  csrf_token_mismatch: asking("private-419", 403),
  redirected: asking("private-302", 403),
  unexpected_status: asking("private-422", 403),
  too_many_requests: asking("private-429", 503),
  service_unavailable: asking("private-502", 503),
  head_overflow: asking("private-head", 403),
  unreadable_answer: asking("private-noise", 403),
  timeout: asking("private-silent", 503, { POGO_AUTH_TIMEOUT: "50ms" }),
  dispatch_error: asking("private-ok", 503, { POGO_UPSTREAM: "http://127.0.0.1:1" }),
  connection_reset: asking("private-reset", 503),
  worker_error: asking("private-error", 503),
  body_overflow: asking("private-long", 403, { POGO_MAX_AUTH_BODY: "100" }),
  invalid_response_json: asking("private-page", 403),
  missing_signature: asking("private-unsigned", 403),
  missing_channel_data: asking("presence-nobody", 403),
  missing_user_data: {
    asked: 1,
    async provoke({ connect }) {
      const client = await connect();
      client.say("pusher:signin");
      await client.next("pusher:error");
    },
  },
  invalid_signature: asking("private-foreign", 403),
  aborted: {
    asked: 1,
    async provoke({ sidecar, connect, held }) {
      const client = await connect();
      client.say("pusher:subscribe", { channel: "private-held" });
      await waitFor(() => held.length === 1);
      client.socket.terminate();
      await sidecar.seriesBecome("pogo_websocket_auth_duration_seconds_count", { "": 1 });
    },
  },
};

describe("metrics of authorizations", () => {
  for (const [reason, { env = {}, asked, also = {}, provoke }] of Object.entries(rows)) {
    it(`proxy A24: ${reason}`, async (test) => {
      const stage = await setStage(test, env);
      await provoke(stage);
      const { series, counted } = stage.sidecar;
      const expected = { ...also, ...(reason !== "aborted" && { [reason]: 1 }) };
      assert.deepEqual(
        await counted("pogo_websocket_auth_failures_total"),
        Object.fromEntries(
          Object.entries(expected).map(([name, count]) => [
            `app_id="app-id",reason="${name}"`,
            count,
          ]),
        ),
      );
      assert.deepEqual(await series("pogo_websocket_auth_duration_seconds_count"), { "": asked });
      assert.deepEqual(await series("pogo_websocket_circuit_breaker_open_total"), {
        "": reason === "circuit_open" ? 1 : 0,
      });
    });
  }

  it("proxy A24: the state of the circuit breaker, from closed to open, half-open and closed again", async (test) => {
    let nowMs = 1_000;
    const { sidecar, connect, held } = await setStage(
      test,
      { ...trusting, POGO_AUTH_BREAKER_FAILURES: "2", POGO_AUTH_BREAKER_TIMEOUT: "500ms" },
      { now: () => nowMs },
    );
    const isIn = async (state: string): Promise<void> =>
      assert.deepEqual(await sidecar.series("pogo_websocket_circuit_breaker_state"), {
        'app_id="app-id",state="closed"': 0,
        'app_id="app-id",state="open"': 0,
        'app_id="app-id",state="half-open"': 0,
        [`app_id="app-id",state="${state}"`]: 1,
      });
    let visitors = 0;
    const ask = async (channel: string): Promise<number> =>
      (await connect(visitor(visitors++))).subscribe(channel);
    const refused = async (): Promise<number | undefined> =>
      (await sidecar.series("pogo_websocket_circuit_breaker_open_total"))[""];

    await isIn("closed");
    await ask("private-502");
    await isIn("closed");
    await ask("private-502");
    await isIn("open");
    nowMs += 499;
    assert.equal(await ask("private-ok"), 503);
    await isIn("open");
    assert.equal(await refused(), 1);

    nowMs += 1;
    const trial = ask("private-held");
    await waitFor(() => held.length === 1);
    await isIn("half-open");
    assert.equal(await ask("private-ok"), 503);
    assert.equal(await refused(), 2);
    held[0]?.allow();
    assert.equal(await trial, 200);
    await isIn("closed");

    await ask("private-502");
    await ask("private-502");
    nowMs += 500;
    assert.equal(await ask("private-502"), 503);
    await isIn("open");
    assert.equal(await refused(), 2);

    const logged = sidecar.lines.filter(({ msg }) => /circuit breaker/.test(String(msg)));
    const states = ["open", "half-open", "closed", "open", "half-open", "open"];
    assert.deepEqual(
      logged.map(({ state }) => state),
      states,
    );
  });

  it("proxy A24: what is tried again, by reason, without a refusal", async (test) => {
    const env = { POGO_AUTH_RETRY_FOR: "30s" };
    const { sidecar, connect, held } = await setStage(test, env);
    const client = await connect();
    const subscribed = client.subscribe("private-flaky");
    await waitFor(() => held.length === 1);
    held[0]?.allow();
    assert.equal(await subscribed, 200);
    const retries = await sidecar.series("pogo_websocket_auth_retries_total");
    assert.equal(retries['reason="worker_error"'], 1);
    assert.equal(retries['reason="timeout"'], 0);
    assert.deepEqual(await sidecar.counted("pogo_websocket_auth_failures_total"), {});
  });

  it("proxy A24: how long the app took, whether it allowed it or not", async (test) => {
    let nowMs = 1_000;
    const onQuestion = (): void => void (nowMs += 200);
    const { sidecar, connect } = await setStage(test, {}, { now: () => nowMs, onQuestion });
    const client = await connect();
    assert.equal(await client.subscribe("private-ok"), 200);
    assert.equal(await client.subscribe("private-forbidden"), 403);
    const sum = await sidecar.series("pogo_websocket_auth_duration_seconds_sum");
    assert.deepEqual(sum, { "": 0.4 });
    const buckets = await sidecar.series("pogo_websocket_auth_duration_seconds_bucket");
    assert.deepEqual([buckets['le="0.1"'], buckets['le="0.25"']], [0, 2]);
  });
});
