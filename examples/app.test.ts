import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { checkChannelSignature } from "../sidecar/core/signature.ts";
import { createExampleApp, type Behaviour } from "./app.ts";

const credentials = { id: "demo", key: "demo-key", secret: "demo-secret" };
const ada = { cookie: "other=1; demo_name=Ada" };

let sidecar: Server;
let app: Server;
let address: string;
let published: { path: string; body: string }[];
let log: string[];
let behaviour: Behaviour;

beforeEach(async () => {
  published = [];
  log = [];
  behaviour = { delayMs: 0, refuses: false };
  // Stands where the sidecar is, to see what the server SDK sends.
  sidecar = createServer((request, response) => {
    void text(request).then((body) => {
      published.push({ path: request.url ?? "", body });
      return response.end("{}");
    });
  });
  const port = await listen(sidecar);
  app = createExampleApp({
    app: credentials,
    sidecar: { host: "127.0.0.1", port },
    behaviour,
    boot: { stagePort: 1 },
    log: (line) => log.push(line),
  });
  address = `http://127.0.0.1:${await listen(app)}`;
});

afterEach(async () => {
  await Promise.all([app, sidecar].map((server) => server[Symbol.asyncDispose]()));
});

test("signs a private channel for a session, from JSON as from a form", async () => {
  const fields = { socket_id: "1.2", channel_name: "private-orders" };
  for (const body of [JSON.stringify(fields), new URLSearchParams(fields).toString()]) {
    const type = body.startsWith("{") ? "application/json" : "application/x-www-form-urlencoded";
    const response = await fetch(`${address}/broadcasting/auth`, {
      method: "POST",
      headers: { ...ada, "content-type": type },
      body,
    });
    const { auth } = (await response.json()) as { auth: string };
    const subject = { socketId: "1.2", channel: "private-orders" };
    assert.deepEqual(checkChannelSignature(credentials, subject, auth), { ok: true });
  }
});

test("signs channel_data of a presence channel with the session's name", async () => {
  const { body } = await authorize({ channel_name: "presence-room", socket_id: "1.2" }, ada);
  const { auth, channel_data: channelData } = body as { auth: string; channel_data: string };
  assert.deepEqual(JSON.parse(channelData), { user_id: "Ada", user_info: { name: "Ada" } });
  const subject = { socketId: "1.2", channel: "presence-room", channelData };
  assert.deepEqual(checkChannelSignature(credentials, subject, auth), { ok: true });
});

test("denies as Laravel does: no session, a rule that says no, a channel without a rule", async () => {
  const denied = { status: 403, body: { message: "" } };
  const socket_id = "1.2";
  assert.deepEqual(await authorize({ channel_name: "private-orders", socket_id }, {}), denied);
  assert.deepEqual(await authorize({ channel_name: "private-payroll", socket_id }, ada), denied);
  assert.deepEqual(await authorize({ channel_name: "private-x", socket_id }, ada), denied);
  assert.deepEqual(await authorize({ channel_name: "constructor", socket_id }, ada), denied);
});

test("says no to everybody while it is switched so, and is slow where it is asked something", async () => {
  const fields = { channel_name: "private-orders.7", socket_id: "1.2" };
  assert.equal((await authorize(fields, ada)).status, 200);
  behaviour.refuses = true;
  assert.deepEqual(await authorize(fields, ada), { status: 403, body: { message: "" } });

  behaviour.delayMs = 60_000;
  let isAnswered = false;
  const leave = new AbortController();
  const question = fetch(`${address}/broadcasting/auth`, { method: "POST", signal: leave.signal });
  const ended = question.then(
    () => (isAnswered = true),
    () => undefined,
  );
  assert.equal((await fetch(`${address}/?name=Ada`)).status, 200);
  assert.equal(isAnswered, false);
  leave.abort();
  await ended;
});

test("a broken body or socket id is answered 500 and the app goes on", async () => {
  const body = { channel_name: "private-orders", socket_id: "1" };
  assert.equal((await authorize(body, ada)).status, 500);
  const headers = { ...ada, "content-type": "application/json" };
  const broken = await fetch(`${address}/messages`, { method: "POST", headers, body: "{" });
  assert.equal(broken.status, 500);
  assert.equal((await fetch(`${address}/?name=Ada`)).status, 200);
});

test("publishes a message through the server SDK, only to the page's channels", async () => {
  const send = (fields: object, headers: object) =>
    fetch(`${address}/messages`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(fields),
    });
  assert.equal((await send({ channel: "lobby", text: " hi " }, ada)).status, 200);
  assert.equal((await send({ channel: "elsewhere", text: "hi" }, ada)).status, 422);
  assert.equal((await send({ channel: "lobby", text: " " }, ada)).status, 422);
  assert.equal((await send({ channel: "lobby", text: "hi" }, {})).status, 403);

  assert.equal(published.length, 1);
  assert.match(
    published[0]?.path ?? "",
    /^\/apps\/demo\/events\?auth_key=demo-key&.*auth_signature=/,
  );
  assert.deepEqual(JSON.parse(published[0]?.body ?? ""), {
    name: "message",
    data: JSON.stringify({ from: "Ada", text: "hi" }),
    channels: ["lobby"],
  });
});

test("gives each visitor without a name another one, and the page the name's cookie", async () => {
  const first = await fetch(`${address}/`, { redirect: "manual" });
  const second = await fetch(`${address}/`, { redirect: "manual" });
  assert.equal(first.headers.get("location"), "/?name=Ada");
  assert.equal(second.headers.get("location"), "/?name=Grace");
  const page = await fetch(`${address}/?name=Zo%C3%AB`);
  assert.equal(page.headers.get("set-cookie"), "demo_name=Zo%C3%AB; Path=/; SameSite=Lax");
  assert.match(await page.text(), /"name":"Zoë"/);
});

test("a name that is markup never gets into the page", async () => {
  const name = encodeURIComponent("</script><script>alert(1)</script>");
  const response = await fetch(`${address}/?name=${name}`, { redirect: "manual" });
  assert.equal(response.status, 302);
});

test("every script and style that the page names is served", async () => {
  const html = await (await fetch(`${address}/?name=Ada`)).text();
  const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  assert.equal(paths.length, 5);
  for (const path of paths) {
    const response = await fetch(address + path);
    assert.equal(response.status, 200, path);
    assert.notEqual(await response.text(), "");
  }
});

test("its log has whether the sidecar asked or the browser", async () => {
  const body = { channel_name: "private-orders", socket_id: "1.2" };
  await authorize(body, { ...ada, "x-frankenphp-ws-channel": "private-orders" });
  await authorize(body, ada);
  assert.deepEqual(log, [
    "the sidecar asks: may Ada join private-orders?  yes",
    "the browser asks: may Ada join private-orders?  yes",
  ]);
});

async function authorize(
  body: object,
  headers: object,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${address}/broadcasting/auth`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
