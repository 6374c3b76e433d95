/** Proves that the client fails loudly: a test that waits on it can not pass by accident. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { openClient } from "./client.ts";

let url = "";
const http = createServer((_request, response) => response.writeHead(404).end());
// Echoes; says hello in the segment of the handshake; closes when it is told to.
const server = new WebSocketServer({ noServer: true });
http.on("upgrade", (request, socket, head) => {
  if (request.url !== "/echo") {
    return void socket.end("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  }
  server.handleUpgrade(request, socket, head, (ws) => {
    ws.send('{"event":"hello","data":"{\\"socket_id\\":\\"1.2\\"}"}');
    ws.on("message", (bytes) => {
      if (String(bytes) === "close") ws.close(4001, "go");
      else ws.send(String(bytes));
    });
  });
});

before(async () => {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const address = http.address();
  assert(address !== null && typeof address === "object");
  url = `ws://127.0.0.1:${address.port}`;
});
after(() => http.close());

test("hands out each message once, in order, by name and channel, its data decoded", async (t) => {
  const client = openClient(t, `${url}/echo`);
  assert.deepEqual((await client.next("hello")).data, { socket_id: "1.2" });
  client.send({ event: "a", channel: "x", data: "plain" });
  client.send({ event: "a", channel: "y", data: { n: 1 } });
  client.send({ event: "a", channel: "x", data: "[2]" });
  assert.deepEqual((await client.next("a", "y")).data, { n: 1 });
  assert.equal((await client.next(["b", "a"], "x")).data, "plain");
  assert.deepEqual((await client.next("a")).data, [2]);
  assert.deepEqual(
    client.frames.map(({ event }) => event),
    ["hello", "a", "a", "a"],
  );
  client.socket.close();
  assert.equal(await client.closed(), 1005);
});

test("fails with what came, when the socket closes before the message", async (t) => {
  const client = openClient(t, `${url}/echo`);
  await client.next("hello");
  const waiting = assert.rejects(
    client.next("never"),
    /never did not come before the close with 4001 go; came: .*hello/,
  );
  client.send("close");
  await waiting;
  assert.deepEqual(await client.close, { code: 4001, reason: "go" });
  await assert.rejects(client.next("never"), /4001/);
});

test("fails with the status, when the handshake is refused", async (t) => {
  const client = openClient(t, `${url}/other`);
  await assert.rejects(client.next("hello"), /answered 503/);
  assert.deepEqual(await client.answered, { status: 503, text: "" });
});

test("the next message is that one alone, or it says what came before", async (t) => {
  const client = openClient(t, `${url}/echo`);
  await client.nextIs("hello");
  for (const event of ["a", "b"]) client.say(event);
  await assert.rejects(client.nextIs("b"), /"a".* came before b/);
});
