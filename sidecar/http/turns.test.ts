import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { answerSocketPlainly } from "./plain-answer.ts";
import { createTurns } from "./turns.ts";
import { waitFor } from "../testing/eventually.ts";

/** A server with few places to wait, and the answers that it owes, in the order of their turns. */
async function startServer(t: TestContext, maxWaiting: number) {
  const turn: ServerResponse[] = [];
  const turns = createTurns({
    answer: (_req, res) => void turn.push(res),
    maxWaiting,
    onOverflow: (socket) =>
      turns.end(socket, () => answerSocketPlainly(socket, { status: 503, text: "full" })),
  });
  const server = createServer((req, res) => turns.take(req, res));
  return { port: await listen(t, server), turn };
}

const pipelined = (count: number): string => "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(count);

async function answerAll(turn: ServerResponse[], count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await waitFor(() => turn.length > index);
    assert.equal(turn.length, index + 1, "one at a time");
    turn[index]?.end("ok");
  }
}

test("as many requests wait as there are places; the next one and all behind it are not answered", async (t) => {
  const { port, turn } = await startServer(t, 4);
  const client = await connectRaw(t, port);
  client.write(pipelined(9));
  // A connection takes as many places as are free: two of four. One more is under way.
  await answerAll(turn, 3);
  const text = await client.untilEnd();
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), [
    "HTTP/1.1 200",
    "HTTP/1.1 200",
    "HTTP/1.1 200",
    "HTTP/1.1 503",
  ]);
  assert.equal(turn.length, 3);
});

test("a connection that ends gives its places back", async (t) => {
  const { port, turn } = await startServer(t, 4);
  for (let round = 0; round < 3; round += 1) {
    const client = await connectRaw(t, port);
    client.write(pipelined(3));
    await waitFor(() => turn.length === 1);
    client.reset();
    // Nobody reads the connection while requests wait: that it is gone shows when it is written to.
    const [res] = turn.splice(0);
    res?.write("x");
    await waitFor(() => res?.destroyed);
  }
  const client = await connectRaw(t, port);
  client.write(pipelined(3));
  await answerAll(turn, 3);
  await client.until(/(200[^]*){3}/);
});
