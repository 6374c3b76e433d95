import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { test, type TestContext } from "node:test";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../testing/eventually.ts";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { IncomingMessage as Message } from "./node-http.ts";
import { recordPeers } from "./peer.ts";
import { countPieces, watchSiblings } from "./small-chunks.ts";

const clients = 12;
const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
/** 60 KB: what Node reads at once. */
const chunks = 10_000;
const shredded = "1\r\na\r\n".repeat(chunks);

/** A server that takes bodies as they come, and the pieces that came in each turn of the event loop. */
async function startServer(t: TestContext, postpones: boolean) {
  let onMany = (_socket: IncomingMessage["socket"]): void => {};
  const turns: number[] = [];
  let pieces = 0;
  let bodies = 0;
  const server = createServer(
    { IncomingMessage: countPieces(Message, (socket) => onMany(socket)) },
    (req, res) => {
      req.on("data", () => {
        if (pieces === 0) void turn().then(() => turns.push(pieces) && (pieces = 0));
        pieces += 1;
      });
      req.on("end", () => {
        bodies += 1;
        res.end("ok");
      });
    },
  );
  recordPeers(server);
  const siblings = watchSiblings(server);
  if (postpones) onMany = (socket) => siblings.postpone(socket);
  return { port: await listen(t, server), turns, bodies: () => bodies };
}

for (const [name, before] of [
  ["new connections", ""],
  ["kept connections", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["bodies under way", `${head}1\r\na\r\n`],
] as const) {
  test(`of many ${name} of one visitor, one body in short chunks is read in a turn of the event loop`, async (t) => {
    async function mostInATurn(postpones: boolean): Promise<number> {
      const { port, turns, bodies } = await startServer(t, postpones);
      const opened = await Promise.all(
        Array.from({ length: clients }, async () => {
          const client = await connectRaw(t, port);
          if (before) client.write(before);
          return client;
        }),
      );
      await sleep(50);
      const done = bodies();
      const rest = `${shredded}0\r\n\r\n`;
      for (const client of opened) client.write(before.startsWith("POST") ? rest : head + rest);
      await waitFor(() => bodies() === done + clients);
      return Math.max(...turns);
    }
    assert.ok((await mostInATurn(false)) > 1.2 * chunks, "as Node does it");
    const most = await mostInATurn(true);
    assert.ok(most <= 1.2 * chunks, `${most} pieces`);
  });
}
