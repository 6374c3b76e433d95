import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test } from "node:test";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { waitFor } from "../testing/eventually.ts";
import { answerPlainly, answerSocketPlainly } from "./plain-answer.ts";

const answer = { status: 413, text: "too long" };

for (const [name, end] of [
  ["a request", (req: IncomingMessage, res: ServerResponse) => answerPlainly(req, res, answer)],
  ["a socket", (req: IncomingMessage) => answerSocketPlainly(req.socket, answer)],
] as const) {
  test(`behind the last answer to ${name} no more of what still comes is read in a turn of the event loop than of all together`, async (t) => {
    let most = 0;
    let isOver = false;
    const server = createServer((req, res) => {
      const { socket } = req;
      end(req, res);
      let before = socket.bytesRead;
      const watch = (): void => {
        most = Math.max(most, socket.bytesRead - before);
        before = socket.bytesRead;
        if (!isOver) setImmediate(watch);
      };
      setImmediate(watch);
      socket.once("close", () => (isOver = true));
    });
    const client = await connectRaw(t, await listen(t, server));
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    for (let sent = 0; sent < 64; sent += 1) client.write(Buffer.alloc(65_536));
    assert.match(await client.until("too long"), /^HTTP\/1\.1 413 /);
    await waitFor(() => isOver);
    assert.ok(most > 0 && most <= 5 * 65_536, `${most} bytes`);
  });
}

test("behind the last answer to a socket nothing is a request any more", async (t) => {
  let requests = 0;
  const server = createServer((req) => {
    requests += 1;
    answerSocketPlainly(req.socket, answer);
  });
  const client = await connectRaw(t, await listen(t, server));
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").until("too long");
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000));
  await client.untilEnd();
  client.socket.end();
  await waitFor(() => client.socket.destroyed);
  assert.equal(requests, 1);
});
