/** What POGO_LOG_LEVEL=debug shows of a conversation, what trace adds, and what neither ever shows. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { pino } from "pino";
import { createMetrics } from "../../sidecar/observability/metrics.ts";
import { createReport } from "../../sidecar/observability/report.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { connectClient } from "../kit/client.ts";
import { signChannel } from "../kit/sign.ts";
import { app, readQuestion, signedAnswer, startApp, startSidecar } from "../kit/start.ts";

const secret = "hunter2";

/** One client after another: subscribes, whispers, is published to, asks for a page, and leaves. */
async function converse(test: TestContext, logLevel: "info" | "debug" | "trace") {
  const upstream = await startApp(test, async (req, res) => {
    const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
    res.end(channel === "" ? "page" : JSON.stringify(signedAnswer(socketId, channel)));
  });
  const node = await startSidecar(test, { POGO_UPSTREAM: upstream }, { logLevel });
  const origin = { Cookie: `session=${secret}` };
  const client = await connectClient(test, node.port, origin);
  client.say("pusher:subscribe", { channel: "private-asked" });
  await client.next("pusher_internal:subscription_succeeded");
  const proof = signChannel(app, client.socketId, "private-a");
  client.say("pusher:subscribe", { channel: "private-a", ...proof });
  await client.next("pusher_internal:subscription_succeeded");
  client.send({ event: "client-typing", channel: "private-a", data: { text: "for-two" } });
  const event = { name: "OrderShipped", channel: "private-a", data: '{"order":"for-one"}' };
  assert.equal((await node.call("events", { body: event })).status, 200);
  await client.next("OrderShipped");
  await fetch(`${node.url}/orders?token=${secret}`, { headers: { Cookie: `a=${secret}` } });
  client.say("pusher:unsubscribe", { channel: "private-a" });
  await client.roundTrip();
  client.socket.close(4321);
  if (logLevel !== "info") await until("closed", () => messages().includes("connection closed"));

  function messages(): readonly unknown[] {
    return node.lines.map(({ msg }) => msg);
  }
  const fieldsOf = (message: string) => {
    const line = node.lines.find(({ msg }) => msg === message);
    assert.ok(line, `${message} is not among ${messages().join(", ")}`);
    const {
      level: _level,
      time: _time,
      pid: _pid,
      hostname: _hostname,
      msg: _msg,
      ...fields
    } = line;
    return fields;
  };
  return { lines: node.lines, messages, fieldsOf, auth: proof.auth, socketId: client.socketId };
}

describe("debug", () => {
  it("shows each connection, subscription, event, question and request by name and size", async (test) => {
    const { lines, fieldsOf, socketId, auth } = await converse(test, "debug");
    const connection = { app_id: app.id, socket_id: socketId };
    const channel = "private-a";
    assert.deepEqual(fieldsOf("connection opened"), connection);
    assert.deepEqual(fieldsOf("subscribed"), { ...connection, channel: "private-asked" });
    assert.deepEqual(fieldsOf("unsubscribed"), { ...connection, channel });
    assert.deepEqual(fieldsOf("client event"), {
      ...connection,
      event: "client-typing",
      channel,
      bytes: 18,
    });
    assert.deepEqual(fieldsOf("event published"), {
      app_id: app.id,
      event: "OrderShipped",
      channels: [channel],
      bytes: 25,
    });
    const delivered = lines.findLast(({ msg }) => msg === "event delivered");
    assert.deepEqual([delivered?.["event"], delivered?.["recipients"]], ["OrderShipped", 1]);
    const { duration_ms: askedMs, ...asked } = fieldsOf("the app was asked");
    assert.ok(Number(askedMs) >= 0);
    assert.deepEqual(asked, {
      ...connection,
      path: "/broadcasting/auth",
      channel: "private-asked",
      status: 200,
      outcome: "ok",
    });
    const requests = lines.filter(({ msg }) => msg === "request");
    assert.deepEqual(
      requests.map(({ method, path, status }) => [method, path, status]),
      [
        ["GET", "/app/app-key", 101],
        ["POST", "/apps/app-id/events", 200],
        ["GET", "/orders", 200],
      ],
    );
    assert.deepEqual(fieldsOf("connection closed"), { ...connection, code: 4321 });
    const all = JSON.stringify(lines);
    for (const hidden of ["for-one", "for-two", secret, auth, "pusher:subscribe"]) {
      assert.ok(!all.includes(hidden), hidden);
    }
  });

  it("at info none of it is there", async (test) => {
    const { messages } = await converse(test, "info");
    assert.deepEqual(
      messages(),
      messages().filter((message) => message === "listening"),
    );
  });
});

describe("trace", () => {
  it("adds what is on the wire, without signatures, cookies and queries", async (test) => {
    const { lines, auth } = await converse(test, "trace");
    const texts = lines.filter(({ level }) => level === 10).map((line) => JSON.stringify(line));
    for (const shown of [
      "for-one",
      "for-two",
      "pusher:subscribe",
      "connection_established",
      "/orders",
    ]) {
      assert.ok(
        texts.some((text) => text.includes(shown)),
        shown,
      );
    }
    const all = JSON.stringify(lines);
    for (const hidden of [secret, auth]) assert.ok(!all.includes(hidden), hidden);
  });
});

describe("report", () => {
  it("what is logged at debug and trace alone is not even made while nobody reads it", () => {
    const metrics = createMetrics(["1"], { hotPath: false });
    const reportAt = (level: string) =>
      createReport({ metrics, log: pino({ level }, { write() {} }), now: () => 0 });
    const found = ["info", "debug", "trace"].map((level) => {
      const { details, wire } = reportAt(level);
      return [details !== undefined, wire !== undefined];
    });
    assert.deepEqual(found, [
      [false, false],
      [true, false],
      [true, true],
    ]);
  });
});
