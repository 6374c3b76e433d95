import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { createWebhookClient, type WebhookClient } from "./deliver.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { parseTarget } from "./target.ts";
import { createCertificate } from "../testing/certificate.ts";
import { answer, findDeadPort, silence, startEndpoint } from "./testing/endpoint.ts";
import { createFakeClock, type FakeClock } from "./testing/fake-clock.ts";

const body = Buffer.from('{"time_ms":1,"events":[]}');
const headers = { "Content-Type": "application/json", "X-Pusher-Key": "k" };

function createRig(
  test: TestContext,
  url: string,
  upstream: UpstreamAddress | null = null,
): { client: WebhookClient; clock: FakeClock; post: () => ReturnType<WebhookClient["post"]> } {
  const clock = createFakeClock();
  const parsed = parseTarget(url, upstream);
  assert.ok(parsed.ok);
  const client = createWebhookClient({ target: parsed.target, timeoutMs: 5_000, clock });
  test.after(() => client.close());
  return { client, clock, post: () => client.post(body, headers) };
}

/**
 * A server of raw sockets that answers the first, second … request of each connection, and after the last one cuts it.
 * `replies`: of the first, second … connection; the last ones are those of all others.
 */
async function startRaw(
  test: TestContext,
  ...replies: readonly (readonly string[])[]
): Promise<{ url: string; server: Server; connections: Socket[] }> {
  const connections: Socket[] = [];
  const server = createTcpServer((socket) => {
    const mine = replies[Math.min(connections.length, replies.length - 1)];
    let turn = 0;
    connections.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", () => {
      const reply = mine?.[turn++];
      if (reply === undefined) socket.destroy();
      else socket.write(reply);
    });
    test.after(() => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    server,
    connections,
  };
}

const emptyReply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

describe("createWebhookClient", () => {
  it("W03: posts the very bytes with their length, and the headers", async (test) => {
    const endpoint = await startEndpoint(test);
    const { post, clock } = createRig(test, `${endpoint.url}?a=b`);
    assert.deepEqual(await post(), { ok: true, status: 200 });
    const [received] = endpoint.received;
    assert.equal(received?.method, "POST");
    assert.equal(received?.url, "/hook?a=b");
    assert.equal(received?.body, body.toString());
    assert.equal(received?.headers["content-length"], String(body.length));
    assert.equal(received?.headers["transfer-encoding"], undefined);
    assert.equal(received?.headers["x-pusher-key"], "k");
    assert.equal(received?.headers.host, `127.0.0.1:${endpoint.port}`);
    assert.equal(clock.timers, 0);
  });

  it("W05: any 2xx is a success, any other status is none", async (test) => {
    for (const status of [200, 201, 204, 299]) {
      const { post } = createRig(test, (await startEndpoint(test, [answer(status)])).url);
      assert.deepEqual(await post(), { ok: true, status });
    }
    for (const status of [304, 400, 404, 419, 429, 500, 503]) {
      const { post } = createRig(test, (await startEndpoint(test, [answer(status)])).url);
      assert.deepEqual(await post(), { ok: false, fault: { kind: "status", status } });
    }
  });

  it("W05: redirects are not followed", async (test) => {
    const elsewhere = await startEndpoint(test);
    const endpoint = await startEndpoint(test, [answer(307, { Location: elsewhere.url })]);
    const { post } = createRig(test, endpoint.url);
    assert.deepEqual(await post(), { ok: false, fault: { kind: "status", status: 307 } });
    assert.equal(elsewhere.received.length, 0);
  });

  it("W05: a port where nobody listens is a failure", async (test) => {
    const { post } = createRig(test, `http://127.0.0.1:${await findDeadPort()}/`);
    const fault = { kind: "connection", code: "ECONNREFUSED" };
    assert.deepEqual(await post(), { ok: false, fault });
  });

  it("W05: no answer in time destroys the socket", async (test) => {
    const endpoint = await startEndpoint(test, [silence]);
    const { post, clock } = createRig(test, endpoint.url);
    const posted = post();
    await endpoint.receives(1);
    const closed = once(endpoint.request(1).socket, "close");
    clock.advance(5_000);
    assert.deepEqual(await posted, { ok: false, fault: { kind: "timeout" } });
    await closed;
  });

  it("W05: a status that came counts, though its body never ends; the socket is destroyed", async (test) => {
    const endpoint = await startEndpoint(test, [
      (response) => void response.writeHead(200, { "Content-Length": "10" }).write("12345"),
    ]);
    const headRead = nextResponseHead();
    const { post, clock } = createRig(test, endpoint.url);
    const posted = post();
    await endpoint.receives(1);
    const closed = once(endpoint.request(1).socket, "close");
    await headRead;
    clock.advance(5_000);
    assert.deepEqual(await posted, { ok: true, status: 200 });
    await closed;
  });

  it("W05: an answer without end is cut, and its status counts", async (test) => {
    let sent = 0;
    const endpoint = await startEndpoint(test, [
      (response) => {
        const write = (): void => {
          while (!response.destroyed) {
            sent += 16_384;
            if (!response.write(Buffer.alloc(16_384))) return void response.once("drain", write);
          }
        };
        write();
      },
    ]);
    const { post } = createRig(test, endpoint.url);
    assert.deepEqual(await post(), { ok: true, status: 200 });
    assert.ok(sent < 64 * 1_048_576, String(sent));
  });

  it("W05: a short answer is read, and its connection used again", async (test) => {
    const endpoint = await startEndpoint(test, [
      (response) => void response.writeHead(200).end("x".repeat(60_000)),
    ]);
    const { post } = createRig(test, endpoint.url);
    for (let i = 0; i < 3; i++) assert.equal((await post()).ok, true);
    assert.equal(endpoint.connections.length, 1);
  });

  it("W05: a kept connection that was closed meanwhile costs no failure", async (test) => {
    const { url, connections } = await startRaw(test, [emptyReply]);
    const { post } = createRig(test, url);
    for (let i = 0; i < 3; i++) assert.deepEqual(await post(), { ok: true, status: 200 });
    // The second and the third went over a connection of their own.
    assert.equal(connections.length, 3);
  });

  it("W05: a connection cut before the answer is a failure", async (test) => {
    const { post } = createRig(test, (await startRaw(test, [])).url);
    const fault = { kind: "connection", code: "ECONNRESET" };
    assert.deepEqual(await post(), { ok: false, fault });
  });

  it("W05: a status that came counts, though the connection is cut in its body", async (test) => {
    const endpoint = await startEndpoint(test, [
      (response, { socket }) => {
        response.writeHead(200, { "Content-Length": "10" }).write("12345");
        setImmediate(() => socket.destroy());
      },
    ]);
    assert.deepEqual(await createRig(test, endpoint.url).post(), { ok: true, status: 200 });
  });

  it("W05: an upgrade that nobody asked for, and what is no HTTP, are failures", async (test) => {
    const upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    for (const reply of [upgrade, "SSH-2.0-OpenSSH\r\n"]) {
      const { post } = createRig(test, (await startRaw(test, [reply])).url);
      const delivery = await post();
      assert.ok(!delivery.ok);
      assert.equal(delivery.fault.kind, "connection");
    }
  });

  it("W09: over the unix socket of the upstream", async (test) => {
    const folder = mkdtempSync(join(tmpdir(), "webhooks-"));
    test.after(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "app.sock");
    const endpoint = await startEndpoint(test, [answer(204)], { listen: socketPath });
    const { post } = createRig(test, "/hook", { kind: "unix", socketPath });
    assert.deepEqual(await post(), { ok: true, status: 204 });
    assert.equal(endpoint.received[0]?.url, "/hook");
  });

  it("W09: over TLS, if the certificate is trusted and only then", async (test) => {
    const certificate = createCertificate();
    const endpoint = await startEndpoint(test, [answer(200)], {
      server: createHttpsServer(certificate),
    });
    const url = `https://127.0.0.1:${endpoint.port}/hook`;

    const distrusting = await createRig(test, url).post();
    const fault = { kind: "connection", code: "DEPTH_ZERO_SELF_SIGNED_CERT" };
    assert.deepEqual(distrusting, { ok: false, fault });
    assert.equal(endpoint.received.length, 0);

    const before = getCACertificates("default");
    test.after(() => setDefaultCACertificates(before));
    setDefaultCACertificates([certificate.cert]);
    const { post } = createRig(test, url);
    for (let i = 0; i < 2; i++) assert.deepEqual(await post(), { ok: true, status: 200 });
    assert.equal(endpoint.received[0]?.body, body.toString());
  });

  it("W11: close() cuts what is under way", async (test) => {
    const endpoint = await startEndpoint(test, [silence]);
    const { client, post, clock } = createRig(test, endpoint.url);
    const posted = post();
    await endpoint.receives(1);
    client.close();
    assert.equal((await posted).ok, false);
    assert.equal(clock.timers, 0);
  });

  it("W11: close() cuts the second try on a connection of its own too", async (test) => {
    const { url, server } = await startRaw(test, [emptyReply], [""]);
    const { client, post, clock } = createRig(test, url);
    await post();
    const secondConnection = once(server, "connection");
    const posted = post();
    await secondConnection;
    client.close();
    assert.equal((await posted).ok, false);
    assert.equal(clock.timers, 0);
  });
});

/** Resolves once a client of this process has read the head of an answer. */
function nextResponseHead(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const name = "http.client.response.finish";
  const read = () => {
    unsubscribe(name, read);
    // The answer reaches whoever waits for it in this turn of the event loop.
    setImmediate(resolve);
  };
  subscribe(name, read);
  return promise;
}
