import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { recordPeers } from "../http/peer.ts";
import { listen } from "../testing/raw-http.ts";
import { waitFor } from "../testing/eventually.ts";
import { contextOf } from "../testing/request-context.ts";
import { createHandshakeLimit, type HandshakeLimitOptions } from "./handshake-limit.ts";

/** A server that admits handshakes; the client says in a header who it is. */
async function startDoor(t: TestContext, options: Partial<HandshakeLimitOptions>) {
  const clock = { nowMs: 0 };
  const waiting: { run: () => void; delayMs: number }[] = [];
  const reasons: string[] = [];
  let admitted = 0;
  let gone = false;
  const admit = createHandshakeLimit({
    handshakeRate: { perSecond: 1, burst: 1 },
    maxConnectionsPerIp: null,
    clientIp: ({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("X-Client") + 1] ?? "",
    report: (event) => event.kind === "handshake_refused" && reasons.push(event.reason),
    now: () => clock.nowMs,
    schedule: (run, delayMs) => void waiting.push({ run, delayMs }),
    ...options,
  });
  const server = createServer();
  recordPeers(server);
  server.on("upgrade", (req, socket) => {
    socket.on("error", () => socket.destroy());
    // Nobody reads it while it waits; a reset is noticed all the same.
    socket.once("close", () => (gone = true));
    admit(contextOf(req), socket, () => {
      admitted += 1;
      // As ws does with an end.
      socket.on("end", () => socket.end()).resume();
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    });
  });
  const port = await listen(t, server);

  /** Sends a handshake; resolves with the socket. */
  async function shake(client = "192.0.2.1"): Promise<Socket> {
    const socket = connect(port, "127.0.0.1");
    t.after(() => void socket.destroy());
    const lines = ["GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
    socket.write(`${lines.join("\r\n")}\r\nX-Client: ${client}\r\n\r\n`);
    return socket;
  }
  /** The status of the answer. */
  async function status(client?: string): Promise<number> {
    const socket = await shake(client);
    const [data]: unknown[] = await once(socket, "data");
    return Number(String(data).split(" ")[1]);
  }
  return { clock, waiting, reasons, shake, status, admitted: () => admitted, isGone: () => gone };
}

describe("handshake limit", () => {
  it("lets a burst through at once, and each IPv4 address has its own", async (t) => {
    const { status } = await startDoor(t, { handshakeRate: { perSecond: 0.001, burst: 2 } });
    assert.deepEqual(
      [await status(), await status(), await status(), await status("192.0.2.2")],
      [101, 101, 429, 101],
    );
  });

  it("C19: handshakes over the rate wait for their turn, one after the other", async (t) => {
    const { shake, waiting, admitted, clock, status } = await startDoor(t, {
      handshakeRate: { perSecond: 2, burst: 1 },
    });
    assert.equal(await status(), 101);
    await shake();
    await shake();
    await waitFor(() => waiting.length === 2);
    assert.deepEqual(
      waiting.map(({ delayMs }) => delayMs),
      [500, 1_000],
    );
    assert.equal(admitted(), 1);
    for (const { run } of waiting) run();
    assert.equal(admitted(), 3);
    clock.nowMs += 1_500;
    assert.equal(await status(), 101);
  });

  it("C19: a handshake that would wait for more than 5 s is answered 429", async (t) => {
    const { shake, status, waiting, reasons } = await startDoor(t, {});
    assert.equal(await status(), 101);
    for (let i = 0; i < 5; i++) await shake();
    await waitFor(() => waiting.length === 5);
    assert.equal(await status(), 429);
    assert.deepEqual(reasons, ["rate_limit"]);
  });

  it("C19: so many handshakes of all visitors wait, and no more", async (t) => {
    const { shake, status, waiting } = await startDoor(t, {
      handshakeRate: { perSecond: 1_000, burst: 1 },
      maxWaiting: 20,
    });
    for (let i = 0; i < 21; i++) await shake();
    await waitFor(() => waiting.length === 20);
    assert.equal(await status(), 429);
    // Who is within the rate is none of those.
    assert.equal(await status("192.0.2.2"), 101);
  });

  it("a client that left has lost its turn", async (t) => {
    const { shake, status, waiting, admitted, isGone } = await startDoor(t, {});
    assert.equal(await status(), 101);
    const client = await shake();
    await waitFor(() => waiting.length === 1);
    client.resetAndDestroy();
    await waitFor(() => isGone());
    waiting[0]?.run();
    assert.equal(admitted(), 1);
  });

  it("C22: connections of one address are bounded, and a place is free again", async (t) => {
    const { shake, status, reasons } = await startDoor(t, {
      handshakeRate: { perSecond: 1_000, burst: 1_000 },
      maxConnectionsPerIp: 2,
    });
    const first = await shake();
    await once(first, "data");
    assert.equal(await status(), 101);
    assert.equal(await status(), 429);
    assert.equal(await status("192.0.2.2"), 101);
    assert.deepEqual(reasons, ["connections_per_ip"]);
    first.destroy();
    let answer = 429;
    for (let tries = 0; tries < 200 && answer !== 101; tries++) answer = await status();
    assert.equal(answer, 101);
  });

  const networks: [one: string, other: string, isSame: boolean][] = [
    ["2001:db8::1", "2001:db8::2:3:4:5", true],
    ["2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff", true],
    ["2001:db8:0:1::1", "2001:db8:0:2::1", false],
    ["1::2:3:4:5:6:7", "1:0:2:3:ffff::", true],
    ["::1", "::2", true],
    ["::1", "1::1", false],
    ["unix", "::1", false],
  ];
  for (const [one, other, isSame] of networks) {
    it(`C19: ${one} and ${other} ${isSame ? "share" : "don't share"} a rate: an IPv6 client has a whole /64`, async (t) => {
      const { status } = await startDoor(t, { handshakeRate: { perSecond: 0.001, burst: 1 } });
      assert.equal(await status(one), 101);
      assert.equal(await status(other), isSame ? 429 : 101);
    });
  }
});
