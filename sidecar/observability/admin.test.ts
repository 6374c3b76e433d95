import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connectRaw, exchangeRaw, parseMessage } from "../testing/raw-http.ts";
import { createAdminServer, type OpenConsole } from "./admin.ts";
import { createAdminPages, type Readiness } from "./admin-pages.ts";
import { createMetrics } from "./metrics.ts";

const listenAddress = { kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false } as const;

/** In the console's place: says what it was asked. */
const openConsole: OpenConsole = ({ isLoopback }) =>
  Promise.resolve((req, res) => void res.end(`console ${req.url} ${isLoopback}`));

async function startAdmin(
  test: TestContext,
  { host = "127.0.0.1", allowedHosts = [] }: { host?: string; allowedHosts?: string[] } = {},
) {
  const state: { readiness: Readiness; drains: number } = { readiness: { ready: true }, drains: 0 };
  const metrics = createMetrics();
  const admin = createAdminServer({
    pages: createAdminPages({
      metrics,
      readiness: () => state.readiness,
      health: () => ({ connections: 3 }),
    }),
    openConsole,
    allowedHosts,
    actions: {
      "/drain"(query) {
        state.drains += 1;
        return { status: 202, text: `draining ${query.get("for")}` };
      },
    },
  });
  const port = await admin.listen({ ...listenAddress, host });
  test.after(() => admin.close());
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { response, status: response.status, text: await response.text() };
  };
  return { state, metrics, port, get };
}

describe("admin port", () => {
  it("a node that is ready says so everywhere", async (test) => {
    const { get } = await startAdmin(test);
    assert.deepEqual(
      [(await get("/livez")).status, (await get("/readyz?verbose")).text],
      [200, "ok\n"],
    );
    const { status, text } = await get("/pogo/health");
    assert.deepEqual([status, JSON.parse(text)], [200, { status: "ok", connections: 3 }]);
  });

  it("/drain begins a stop, by GET too, as a preStop hook asks", async (test) => {
    const { state, get } = await startAdmin(test);
    assert.equal((await get("/drain")).status, 202);
    const posted = await get("/drain?for=30s", { method: "POST" });
    assert.deepEqual([posted.status, posted.text], [202, "draining 30s\n"]);
    assert.equal(state.drains, 2);
    assert.equal((await get("/drain", { method: "PUT" })).status, 405);
  });

  for (const headers of [
    { Origin: "http://evil.test" },
    { Origin: "null" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ]) {
    it(`no page in a browser drains the node: ${JSON.stringify(headers)}`, async (test) => {
      const { state, port } = await startAdmin(test);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const head = ["GET /drain HTTP/1.1", "Host: localhost", "Connection: close", ...lines];
      const answer = await exchangeRaw(test, port, `${head.join("\r\n")}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 403 /);
      assert.equal(state.drains, 0);
    });
  }

  it("one that is not ready is alive all the same, and says why", async (test) => {
    const { state, get } = await startAdmin(test);
    state.readiness = { ready: false, reason: "draining" };
    assert.equal((await get("/livez")).status, 200);
    const ready = await get("/readyz");
    assert.deepEqual([ready.status, ready.text], [503, "not ready: draining\n"]);
    const health = await get("/pogo/health");
    assert.equal(health.status, 503);
    assert.deepEqual(JSON.parse(health.text), { status: "unavailable", connections: 3 });
  });

  it("metrics come in Prometheus' text format, and from no cache", async (test) => {
    const { metrics, get } = await startAdmin(test);
    metrics.node.draining.set(1);
    const { response, text } = await get("/metrics");
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.match(text, /^pogo_draining 1$/m);
    assert.match(text, /^process_cpu_user_seconds_total /m);
  });

  it("HEAD is answered without a body, other methods with 405", async (test) => {
    const { get } = await startAdmin(test);
    const head = await get("/metrics", { method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
    const post = await get("/livez", { method: "POST" });
    assert.deepEqual([post.status, post.response.headers.get("allow")], [405, "GET, HEAD"]);
  });

  it("an unknown path is answered with the paths that there are", async (test) => {
    const { get } = await startAdmin(test);
    for (const path of ["/nope", "/constructor", "/__proto__"]) {
      const { status, text } = await get(path);
      assert.equal(status, 404);
      assert.match(text, /\/metrics\n\/livez\n\/readyz\n\/pogo\/health/);
    }
  });

  it("/ and what is below /console/ is the console's", async (test) => {
    const { get } = await startAdmin(test);
    for (const path of ["/", "/?x", "/console/main.js", "/console/stream"]) {
      assert.equal((await get(path)).text, `console ${path} true`);
    }
    assert.equal((await get("/console")).status, 404);
  });

  it("where it can't be loaded, / says why", async (test) => {
    const openConsole = (): Promise<never> => Promise.reject(new Error("not there"));
    const other = createAdminServer({ pages: {}, actions: {}, allowedHosts: [], openConsole });
    const port = await other.listen(listenAddress);
    test.after(() => other.close());
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /not there/);
  });

  it("an address that can't be had is an error of listen", async (test) => {
    const { port } = await startAdmin(test);
    const other = createAdminServer({ pages: {}, actions: {}, allowedHosts: [], openConsole });
    await assert.rejects(other.listen({ ...listenAddress, port }), { code: "EADDRINUSE" });
  });

  /** The status for a Host, as a browser would send it that takes `host` for this port. */
  async function statusFor(test: TestContext, port: number, host: string | null): Promise<number> {
    const client = await connectRaw(test, port);
    const fields = host === null ? "" : `Host: ${host}\r\n`;
    const version = host === null ? "1.0" : "1.1";
    client.write(`GET /metrics HTTP/${version}\r\n${fields}Connection: close\r\n\r\n`);
    return parseMessage(await client.untilEnd()).status;
  }

  const loopback = ["localhost", "LOCALHOST:2019", "127.0.0.1", "127.9.9.9:2019", "[::1]:2019"];
  const literals = ["10.0.0.7:2019", "[fd00::7]", "[::ffff:10.0.0.7]"];
  const foreign = ["evil.test", "evil.test:2019", "localhost.evil.test", "127.0.0.1.evil.test"];

  it("bound to loopback it answers its names and addresses, and no name that was rebound to it", async (test) => {
    const { port } = await startAdmin(test);
    for (const host of [...loopback, ...literals, null]) {
      assert.equal(await statusFor(test, port, host), 200, String(host));
    }
    for (const host of foreign) assert.equal(await statusFor(test, port, host), 421, host);
    const client = await connectRaw(test, port);
    client.write("GET /metrics HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
    assert.match(parseMessage(await client.untilEnd()).body, /POGO_ADMIN_ALLOWED_HOSTS/);
  });

  it("names that are listed are answered, wherever it is bound; unlisted ones only where nothing is listed", async (test) => {
    const allowedHosts = ["metrics.internal"];
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const { port } = await startAdmin(test, { host, allowedHosts });
      assert.equal(await statusFor(test, port, "Metrics.Internal:2019"), 200);
      assert.equal(await statusFor(test, port, "localhost"), 200);
      assert.equal(await statusFor(test, port, "evil.test"), 421);
    }
    const { port } = await startAdmin(test, { host: "0.0.0.0" });
    assert.equal(await statusFor(test, port, "pogo.default.svc"), 200);
  });
});
