import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { until } from "../testing/eventually.ts";
import { Inbox } from "./inbox.ts";
import { listenTo } from "./socket-events.ts";
import { SocketInput } from "./socket-input.ts";

const shareBytes = 1_000;

/** A client of a real socket, and what the server's end of it was handed. */
async function createPair(test: TestContext) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const accepted = once(server, "connection");
  const client = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  const [socket]: Socket[] = await accepted;
  assert.ok(socket);
  test.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  const received: { readonly bytes: string; readonly memory: ArrayBufferLike }[] = [];
  const text = (): string => received.map(({ bytes }) => bytes).join("");
  const state: { pausesAfter: number; endedAt: number | null } = {
    pausesAfter: Number.POSITIVE_INFINITY,
    endedAt: null,
  };
  let nowMs = 0;
  const inbox = new Inbox({
    // Each share ends its turn.
    now: () => nowMs++,
    schedule: setImmediate,
    defer: queueMicrotask,
    turnMs: 1,
    shareMs: 1,
    minShareBytes: shareBytes,
    maxShareBytes: shareBytes,
  });
  const owner = {
    get isPaused(): boolean {
      return received.length >= state.pausesAfter;
    },
    receive(chunk: Buffer): void {
      received.push({ bytes: chunk.toString("latin1"), memory: chunk.buffer });
    },
    onInputEnd(): void {
      state.endedAt ??= text().length;
      socket.end();
    },
  };
  const input = new SocketInput(socket, { visitor: "visitor", inbox, owner });
  listenTo(socket, {
    onSocketReadable: () => input.arrived(),
    onSocketError: () => undefined,
    onSocketClose: () => input.close(),
  });
  return { client, socket, input, received, state, text };
}

/** Whether it has been given back. */
function isFreed(memory: ArrayBufferLike): boolean {
  return memory instanceof ArrayBuffer && memory.detached;
}

describe("input of a socket", () => {
  it("is handed over in shares, in order", async (test) => {
    const { client, received, text } = await createPair(test);
    const sent = Array.from({ length: 5_000 }, (_, index) => String(index % 10)).join("");
    client.write(sent);
    await until("all has come", () => text().length === sent.length);
    assert.equal(text(), sent);
    assert.ok(received.every(({ bytes }) => bytes.length <= shareBytes));
  });

  it("its memory is given back when it was handled, without the garbage collector", async (test) => {
    const { client, received, text } = await createPair(test);
    client.write("x".repeat(200_000));
    await until("all has come", () => text().length === 200_000);
    await nextTurn();
    assert.ok(received.every(({ memory }) => isFreed(memory)));
  });

  it("what is not handled when the socket is gone is given back too", async (test) => {
    const { client, received, state, text } = await createPair(test);
    state.pausesAfter = 1;
    client.write("x".repeat(30_000));
    await until("the first has come", () => received.length > 0);
    assert.ok(received.every(({ memory }) => !isFreed(memory)));
    client.resetAndDestroy();
    await until("it is gone", () => received.every(({ memory }) => isFreed(memory)));
    assert.equal(text().length, shareBytes);
  });

  for (const [shares, sent] of [
    ["several shares", `${"x".repeat(3 * shareBytes)}y`],
    ["one share", "y"],
  ] as const) {
    it(`ends when all of it was handled, and not before: ${shares}`, async (test) => {
      const { client, socket, input, state, text } = await createPair(test);
      state.pausesAfter = 0;
      client.end(sent);
      await until("all is there, and its end", () => socket.bytesRead === sent.length);
      for (let turns = 0; turns < 20; turns++) await nextTurn();
      state.pausesAfter = Number.POSITIVE_INFINITY;
      input.arrived();
      await until("it has ended", () => state.endedAt !== null);
      assert.equal(state.endedAt, sent.length);
      assert.equal(text(), sent);
    });
  }

  it("ends without a word", async (test) => {
    const { client, state } = await createPair(test);
    client.end();
    await until("it has ended", () => state.endedAt === 0);
  });
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
