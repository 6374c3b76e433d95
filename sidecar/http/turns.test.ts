import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { answerSocketPlainly } from "./plain-answer.ts";
import { recordPeers } from "./peer.ts";
import { createTurns } from "./turns.ts";
import { stopAtRequest } from "./upgrades.ts";
import { waitFor } from "../testing/eventually.ts";

/** A server with few places to wait, two for each connection, and the answers that it owes, in the order of their turns. */
async function startServer(
  t: TestContext,
  maxWaiting: number,
  schedule: (run: () => void) => void = setImmediate,
) {
  const turn: ServerResponse[] = [];
  const answer = (_req: IncomingMessage, res: ServerResponse) => void turn.push(res);
  const turns = createTurns({ answer, maxWaitingEach: 2, maxWaiting, schedule });
  const read: string[] = [];
  const server = createServer(
    { IncomingMessage: stopAtRequest((socket) => turns.isFull(socket)) },
    (req, res) => {
      read.push(req.url ?? "");
      turns.take(req, res);
    },
  );
  recordPeers(server);
  server.on("upgrade", (_req, socket) => {
    socket.on("error", () => socket.destroy());
    turns.end(socket, () => answerSocketPlainly(socket, { status: 503, text: "full" }));
  });
  return { port: await listen(t, server), turn, read };
}

const statuses = (text: string) => text.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(-3));
const pipelined = (count: number): string => "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(count);

async function answerAll(turn: ServerResponse[], count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await waitFor(() => turn.length > index);
    assert.equal(turn.length, index + 1, "one at a time");
    turn[index]?.end("ok");
  }
}

test("as many requests of a connection wait as may; what is behind them is not read", async (t) => {
  const { port, turn, read } = await startServer(t, 4);
  const client = await connectRaw(t, port);
  client.write(pipelined(1_000));
  await answerAll(turn, 3);
  assert.deepEqual(statuses(await client.untilEnd()), ["200", "200", "200", "503"]);
  client.write(pipelined(1_000));
  assert.equal(read.length, 3);
});

test("no more wait than there are places for all connections together", async (t) => {
  const { port, turn } = await startServer(t, 2);
  const [first, second] = [await connectRaw(t, port), await connectRaw(t, port)];
  first.write(pipelined(3));
  await waitFor(() => turn.length === 1);
  second.write(pipelined(2));
  await waitFor(() => turn.length === 2);
  turn[1]?.end("ok");
  assert.deepEqual(statuses(await second.untilEnd()), ["200", "503"]);
});

test("no visitor takes the places of all: three quarters of them alone, and others find some", async (t) => {
  const { port, turn } = await startServer(t, 8);
  for (let sent = 0; sent < 3; sent += 1) {
    (await connectRaw(t, port)).write(pipelined(3));
    await waitFor(() => turn.length === sent + 1);
  }
  const oneTooMany = await connectRaw(t, port);
  oneTooMany.write(pipelined(2));
  await waitFor(() => turn.length === 4);
  turn[3]?.end("ok");
  assert.deepEqual(statuses(await oneTooMany.untilEnd()), ["200", "503"]);

  const other = await connectRaw(t, port, "127.0.0.2");
  other.write(pipelined(2));
  await waitFor(() => turn.length === 5);
  turn[4]?.end("ok");
  await waitFor(() => turn.length === 6);
  turn[5]?.end("ok");
  await other.until(/(200[^]*){2}/);
});

test("one waiting request is answered per turn of the event loop, and connections take turns", async (t) => {
  const scheduled: (() => void)[] = [];
  const { port, turn } = await startServer(t, 8, (run) => void scheduled.push(run));
  const order: (string | undefined)[] = [];
  const answerNext = (): void => {
    const res = turn.shift();
    order.push(res?.req.url);
    res?.end("ok");
  };
  for (const name of ["a", "b"]) {
    const client = await connectRaw(t, port);
    client.write([1, 2, 3].map((n) => `GET /${name}${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    await waitFor(() => turn.length === 1);
    answerNext();
  }
  await waitFor(() => scheduled.length === 1);
  for (let answered = 2; answered < 6; answered += 1) {
    await waitFor(() => scheduled.length > 0);
    assert.equal(order.length, answered);
    scheduled.shift()?.();
    assert.equal(turn.length, 1);
    answerNext();
  }
  assert.deepEqual(order, ["/a1", "/b1", "/a2", "/b2", "/a3", "/b3"]);
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
