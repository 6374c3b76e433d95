/** However many connections pass bytes on at a time, and however fast: so much is read of them in a turn of the event loop. */

import assert from "node:assert/strict";
import { createServer, connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { startFront } from "../testing/proxy-front.ts";
import { listen } from "../testing/raw-http.ts";
import { requestOf } from "../testing/raw-upstream.ts";

const connections = 80;
const pieceBytes = 65_536;
const piece = Buffer.alloc(pieceBytes, "x");
const wantedBytes = 64 * 1_048_576;

/** The budget of a turn, and what comes meanwhile of those that had nothing in the last one. */
const mostBytes = 2 * 262_144;

const upgrade = requestOf("GET", "/ws", [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]);
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** What a client says first, what the app answers to that, and who goes on from there. */
const ways = {
  "WebSockets to the app": { hello: upgrade, answer: switching, floods: "client" },
  "WebSockets to clients": { hello: upgrade, answer: switching, floods: "app" },
  uploads: {
    hello: requestOf("POST", "/", [`Content-Length: ${2 ** 40}`], "x"),
    answer: "",
    floods: "client",
  },
  downloads: {
    hello: requestOf("GET", "/"),
    answer: `HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 40}\r\n\r\n`,
    floods: "app",
  },
} as const;

for (const [name, { hello, answer, floods }] of Object.entries(ways)) {
  test(`of many ${name} no more is read in a turn of the event loop than a budget`, async (t) => {
    const received = new Map<Socket, number>();
    const flood = (socket: Socket): void => {
      if (!socket.destroyed) socket.write(piece, () => setImmediate(flood, socket));
    };
    const drain = (socket: Socket): void => {
      received.set(socket, 0);
      socket.on("data", ({ length }: Buffer) =>
        received.set(socket, (received.get(socket) ?? 0) + length),
      );
    };
    const app = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.write(answer);
        if (floods === "app") flood(socket);
        else drain(socket);
      });
    });
    const front = await startFront(t, await listen(t, app));
    for (let index = 0; index < connections; index += 1) {
      await openClient(t, front.port, hello, floods === "client" ? flood : drain);
    }

    const hasBegun = () => received.size === connections && [...received.values()].every(isSecond);
    while (!hasBegun()) await turn();
    let most = 0;
    let before = sum(received);
    for (const from = before; before < from + wantedBytes;) {
      await turn();
      const now = sum(received);
      most = Math.max(most, now - before);
      before = now;
    }
    assert.ok(most <= mostBytes, `${most} bytes`);
  });
}

/** Of somebody new a piece is read before it can wait for its turn. */
const isSecond = (bytes: number): boolean => bytes > 4 * pieceBytes;

const sum = (received: ReadonlyMap<Socket, number>): number =>
  [...received.values()].reduce((all, bytes) => all + bytes, 0);

async function openClient(
  t: TestContext,
  port: number,
  hello: string,
  then: (socket: Socket) => void,
): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.write(hello);
  then(socket);
}
