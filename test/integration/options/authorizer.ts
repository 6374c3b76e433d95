/** How the app is asked to authorize. */

import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { authorization, authorizer } from "../../../sidecar/config/table/authorizer.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { readQuestion, signedAnswer, startApp, type RunningSidecar } from "../../kit/start.ts";
import { lateMs, nobody, startRecordingApp, type Rows, type Stage } from "./stage.ts";

export const authorizerRows: Rows<typeof authorizer | typeof authorization> = {
  async POGO_AUTH_PATH({ test, start, connect }) {
    const seen = await startRecordingApp(test);
    const client = await connect(await start("/api/auth", { POGO_UPSTREAM: seen.url }));
    await client.subscribe("private-x");
    assert.equal(seen.requests[0]?.url, "/api/auth");
  },
  async POGO_TRUST_UNSIGNED_AUTH({ test, start, connect }) {
    const upstream = await startApp(test, (_req, res) => void res.end("true"));
    const client = await connect(await start("true", { POGO_UPSTREAM: upstream }));
    assert.equal(await client.subscribe("private-x"), 200);
    assert.equal(await client.subscribe("presence-x"), 403);
  },
  async POGO_USER_AUTH_PATH({ test, start, connect }) {
    const seen = await startRecordingApp(test);
    const client = await connect(await start("/api/user", { POGO_UPSTREAM: seen.url }));
    client.say("pusher:signin");
    await client.error();
    assert.equal(seen.requests[0]?.url, "/api/user");
  },
  async POGO_AUTH_TIMEOUT({ test, start, connect }) {
    const asked = await startAuthApp(test, 200, lateMs);
    const client = await connect(await start("50ms", { POGO_UPSTREAM: asked.url, ...impatient }));
    assert.equal(await client.subscribe("private-x"), 503);
  },
  async POGO_AUTH_RETRY_FOR({ test, start, connect }) {
    const asked = await startAuthApp(test, 500);
    const client = await connect(await start("0", { POGO_UPSTREAM: asked.url }));
    assert.equal(await client.subscribe("private-x"), 503);
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_AUTH_BODY({ test, start, connect }) {
    const asked = await startAuthApp(test, 200);
    const client = await connect(await start("10", { POGO_UPSTREAM: asked.url }));
    assert.equal(await client.subscribe("private-x"), 403);
  },
  POGO_MAX_CONCURRENT_AUTH: askedOnceAtATime,
  POGO_MAX_CONCURRENT_AUTH_PER_IP: askedOnceAtATime,
  async POGO_MAX_AUTH_QUEUE({ test, start, connect }) {
    const asked = await startAuthApp(test, "never");
    const env = { POGO_UPSTREAM: asked.url, POGO_MAX_CONCURRENT_AUTH: "1" };
    const sidecar = await start("1", env);
    const [first, second, third] = [
      await connect(sidecar),
      await connect(sidecar),
      await connect(sidecar),
    ];
    first.say("pusher:subscribe", { channel: "private-x" });
    await waitFor(() => asked.count() === 1);
    const waits = second.subscribe("private-x");
    await sidecar.seriesBecome("pogo_websocket_auth_waiting", { 'app_id="app-id"': 1 });
    third.say("pusher:subscribe", { channel: "private-x" });
    assert.equal(await waits, 503);
    const refused = await sidecar.counted("pogo_websocket_auth_failures_total");
    assert.deepEqual(Object.keys(refused), ['app_id="app-id",reason="queue_full"']);
  },
  async POGO_AUTH_BREAKER_FAILURES({ start, connect }) {
    const sidecar = await start("2", { POGO_UPSTREAM: nobody, ...impatient });
    for (let n = 0; n < 3; n += 1) await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
  },
  async POGO_AUTH_BREAKER_TIMEOUT({ start, connect, clock }) {
    const sidecar = await start("500ms", { POGO_UPSTREAM: nobody, ...impatient });
    for (let n = 0; n < 6; n += 1) await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
    // By default it would stay open for a second at first.
    clock.nowMs += 501;
    await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
  },
  async POGO_MAX_AUTH_FAILURES({ test, start, connect }) {
    const asked = await startAuthApp(test, 500);
    const client = await connect(await start("1", { POGO_UPSTREAM: asked.url, ...impatient }));
    for (let n = 0; n < 2; n += 1) await client.subscribe("private-x");
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_AUTH_DENIALS({ test, start, connect }) {
    const asked = await startAuthApp(test, 403);
    const client = await connect(await start("1", { POGO_UPSTREAM: asked.url, ...impatient }));
    for (let n = 0; n < 2; n += 1) await client.subscribe("private-x");
    assert.equal(asked.count(), 1);
  },
  async POGO_AUTH_FAILURE_WINDOW({ test, start, connect, clock }) {
    const asked = await startAuthApp(test, 403);
    const env = { POGO_UPSTREAM: asked.url, POGO_MAX_AUTH_DENIALS: "1", ...impatient };
    const client = await connect(await start("1s", env));
    await client.subscribe("private-x");
    clock.nowMs += 1_001;
    await client.subscribe("private-x");
    assert.equal(asked.count(), 2);
  },
};

/** Nothing is tried again, and nothing waits. */
const impatient = { POGO_AUTH_RETRY_FOR: "0" };

async function askedOnceAtATime({ test, start, connect }: Stage): Promise<void> {
  const asked = await startAuthApp(test, "never");
  const sidecar = await start("1", { POGO_UPSTREAM: asked.url, ...impatient });
  (await connect(sidecar)).say("pusher:subscribe", { channel: "private-x" });
  await waitFor(() => asked.count() === 1);
  const second = await connect(sidecar);
  assert.equal(await second.subscribe("private-x"), 503);
  assert.equal(asked.count(), 1);
}

async function refusedByBreaker(sidecar: RunningSidecar): Promise<number> {
  return (await sidecar.series("pogo_websocket_circuit_breaker_open_total"))[""] ?? 0;
}

/** An app that answers every question so: with a signature, a refusal, or never. */
async function startAuthApp(test: TestContext, answer: number | "never", afterMs = 0) {
  let asked = 0;
  async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> {
    asked += 1;
    if (answer === "never") return;
    const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
    const body = answer === 200 ? signedAnswer(socketId, channel) : {};
    if (afterMs > 0) await sleep(afterMs);
    res.writeHead(answer).end(JSON.stringify(body));
  }
  return { url: await startApp(test, (req, res) => void listener(req, res)), count: () => asked };
}
