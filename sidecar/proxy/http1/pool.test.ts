import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { listenRaw, type RawServer, type RawSocket } from "../../testing/raw-http.ts";
import type { Call, RequestMessage, ResponseHandler } from "./call.ts";
import { createPool } from "./pool.ts";
import { waitFor } from "../../testing/eventually.ts";

const message: RequestMessage = {
  method: "GET",
  target: "/",
  fields: ["Host", "a"],
  body: "none",
};

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** An app that answers each request with the next of `answers`, the last one again and again. */
function startApp(t: TestContext, ...answers: readonly string[]): Promise<RawServer> {
  let count = 0;
  return listenRaw(t, (connection) => {
    connection.socket.on("data", () => {
      connection.write(answers[Math.min(count, answers.length - 1)] ?? ok);
      count += 1;
    });
  });
}

function createRig(t: TestContext, { port }: RawServer) {
  const pool = createPool({
    address: { kind: "tcp", host: "127.0.0.1", port },
    connectTimeoutMs: 1_000,
    maxHeadBytes: 4_096,
  });
  t.after(() => pool.close());
  /** Sends a request; what its handler was told, in order. */
  function send(request = message, isFresh = false) {
    const told: string[] = [];
    const connected = Promise.withResolvers<void>();
    const handler: ResponseHandler = {
      onHead: ({ status }) => told.push(`head ${status}`),
      onData: (chunk) => told.push(`data ${chunk.toString()}`),
      onEnd: (last) => told.push(last ? `end ${last.toString()}` : "end"),
      onDrain: () => told.push("drain"),
      onError: ({ fault }, isStale) => told.push(`error ${fault}${isStale ? ", stale" : ""}`),
      onConnect: connected.resolve,
      onReleased: () => told.push("released"),
    };
    const call: Call = pool.send(request, handler, { isFresh });
    return {
      told,
      call,
      connected: () => connected.promise,
      released: () => waitFor(() => told.includes("released")),
    };
  }
  return { pool, send };
}

const answered = ["head 200", "end ok", "released"];

test("a connection carries one request after the other, and several at a time have one each", async (t) => {
  const app = await startApp(t, ok);
  const { send } = createRig(t, app);
  for (let round = 0; round < 3; round += 1) {
    const { told, released } = send();
    await released();
    assert.deepEqual(told, answered);
  }
  assert.equal(app.connections.length, 1);
  const both = [send(), send()];
  await Promise.all(both.map(({ released }) => released()));
  assert.equal(app.connections.length, 2);
  const { released } = send(message, true);
  await released();
  assert.equal(app.connections.length, 3, "fresh");
});

test("proxy E10: a connection with bytes behind its answer, at once or later, carries no other request", async (t) => {
  const late: RawSocket[] = [];
  const app = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => {
      if (late.push(connection) === 1) connection.write(`${ok}HTTP/1.1 666 Not Yours\r\n\r\n`);
      else connection.write(ok);
    });
  });
  const { send } = createRig(t, app);
  for (const count of [1, 2]) {
    const { told, released } = send();
    await released();
    assert.deepEqual(told, answered);
    if (count === 2) late[1]?.write("HTTP/1.1 666 Not Yours\r\n\r\n");
    await waitFor(() => late[count - 1]?.hasEnded);
  }
  const { told, released } = send();
  await released();
  assert.deepEqual(told, answered);
  assert.equal(app.connections.length, 3);
});

test("a request whose body was not sent to its end leaves no connection behind", async (t) => {
  const app = await startApp(t, ok);
  const { send } = createRig(t, app);
  const upload = send({ ...message, method: "POST", body: "chunked" });
  upload.call.write(Buffer.from("half"));
  await upload.released();
  assert.deepEqual(upload.told, answered);
  await (await app.connection(0)).untilEnd();
  assert.equal(upload.call.write(Buffer.from("more")), true, "goes nowhere");
});

test("a chunked body is framed, and one of a length goes as it comes", async (t) => {
  const app = await listenRaw(t);
  const { send } = createRig(t, app);
  const chunked = send({ ...message, method: "POST", body: "chunked" });
  await chunked.connected();
  chunked.call.write(Buffer.from("0123456789abcdef"));
  chunked.call.write(Buffer.alloc(0));
  chunked.call.write(Buffer.from("\xff", "latin1"));
  chunked.call.end();
  const head = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
  const first = await app.connection(0);
  await first.until(`${head}10\r\n0123456789abcdef\r\n1\r\n\xff\r\n0\r\n\r\n`);
  const plain = send({ ...message, method: "POST", body: "length" });
  await plain.connected();
  plain.call.write(Buffer.from("abc"));
  plain.call.end();
  assert.equal(await (await app.connection(1)).until("abc"), `${head}abc`);
});

test("proxy E6: only what met a kept connection that closed unanswered is stale", async (t) => {
  const app = await listenRaw(t, (connection) => {
    let count = 0;
    connection.socket.on("data", () => {
      count += 1;
      if (count === 1) connection.write(ok);
      else if (connection === app.connections[1]) connection.write("H").socket.end();
      else connection.reset();
    });
  });
  const { send } = createRig(t, app);
  for (const expected of ["error no_response, stale", "error no_response"]) {
    await send().released();
    const second = send();
    await second.released();
    assert.deepEqual(second.told, [expected, "released"]);
  }
});

test("a cancelled request only reports the end of its connection", async (t) => {
  const app = await listenRaw(t);
  const { send } = createRig(t, app);
  const { call, told, released } = send();
  await (await app.connection(0)).until("\r\n\r\n");
  call.destroy();
  call.destroy();
  await released();
  assert.deepEqual(told, ["released"]);
  await (await app.connection(0)).untilEnd();
});

test("those who wait for what is closed fail", async (t) => {
  const app = await listenRaw(t);
  const { pool, send } = createRig(t, app);
  const { told, released } = send();
  await (await app.connection(0)).until("\r\n\r\n");
  pool.close();
  await released();
  assert.deepEqual(told, ["error no_response", "released"]);
});

test("a connection is given up before the app does: after its Keep-Alive less a second", async (t) => {
  const app = await startApp(t, ok.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=1, max=9\r\n\r\n"));
  const { send } = createRig(t, app);
  await send().released();
  await (await app.connection(0)).untilEnd();
  await send().released();
  assert.equal(app.connections.length, 2);
});

test("a paused answer waits, and goes on where it was", async (t) => {
  const app = await listenRaw(t, (connection) => {
    connection.socket.once("data", () =>
      connection.write(
        `HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n${"x".repeat(30_000_000)}`,
      ),
    );
  });
  const { send } = createRig(t, app);
  const { call, told, released } = send();
  await waitFor(() => told.length > 1);
  call.pause();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const count = told.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(told.length, count);
  call.resume();
  await released();
  const bytes = told.map((line) => line.replace(/^(data|end) |^head.*|^released/, "").length);
  assert.equal(
    bytes.reduce((sum, length) => sum + length, 0),
    30_000_000,
  );
});
