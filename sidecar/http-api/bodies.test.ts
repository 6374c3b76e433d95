import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { connectRaw, hasMessage, parseMessage, type RawSocket } from "../testing/raw-http.ts";
import { startApi, type Call } from "../testing/http-api.ts";
import { waitFor } from "../testing/eventually.ts";

const event = { name: "e", data: '"d"', channels: ["a"] };

type Api = Awaited<ReturnType<typeof startApi>>;

/** Sends the head of a publish that announces `length` bytes, and none of them. */
async function announce(
  test: TestContext,
  api: Api,
  options: { call?: Call; target?: string; length?: number | "chunked" } = {},
): Promise<RawSocket> {
  const { target } = api.sign("events", { body: event, ...options.call });
  const { length = 1_000_000 } = options;
  const framing = length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const client = await connectRaw(test, api.port);
  client.write(`POST ${options.target ?? target} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
  return client;
}

const answerOf = async (client: RawSocket) => parseMessage(await client.until(hasMessage));

const withoutMd5: Call = { tamper: (params) => delete params["body_md5"] };

describe("bodies of API requests", () => {
  const wrong: [what: string, tamper: (params: Record<string, string>) => void][] = [
    ["a missing signature", (params) => delete params["auth_signature"]],
    ["a signature that is none", (params) => (params["auth_signature"] = "x")],
    ["another key", (params) => (params["auth_key"] = "other")],
    ["another version", (params) => (params["auth_version"] = "2.0")],
    ["an old timestamp", (params) => (params["auth_timestamp"] = "1")],
    ["a wrong signature, with body_md5", (params) => (params["auth_signature"] = "0".repeat(64))],
    ["another body_md5 than was signed", (params) => (params["body_md5"] = "0".repeat(32))],
  ];
  for (const [what, tamper] of wrong) {
    it(`A10: ${what} is refused before any byte of the body`, async (test) => {
      const api = await startApi(test);
      const client = await announce(test, api, { call: { tamper } });
      const answer = await answerOf(client);
      assert.equal(answer.status, 401);
      assert.equal(answer.body, "Authentication signature invalid.");
      assert.deepEqual(answer.values("connection"), ["close"]);
      assert.equal(api.refusals().length, 1);
    });
  }

  it("A10: an unknown app and a wrong method too", async (test) => {
    const api = await startApi(test);
    for (const [target, status] of [
      ["/apps/nope/events", 404],
      ["/apps/app-id/channels", 405],
    ] as const) {
      const client = await announce(test, api, { target });
      assert.equal((await answerOf(client)).status, status);
    }
  });

  it("A10: a body announced as longer than the limit is not read", async (test) => {
    const api = await startApi(test, { maxBodyBytes: 1_000 });
    const client = await announce(test, api, { length: 1_001 });
    assert.equal((await answerOf(client)).status, 413);
    assert.deepEqual(
      api.node.reports.of("publish_refused").map(({ reason }) => reason),
      ["payload_too_large"],
    );
  });

  it("A10: a client that is still sending can read the refusal, and may only send a bounded amount more", async (test) => {
    const api = await startApi(test, { maxBodyBytes: 100_000 });
    const call: Call = { secret: "wrong" };
    const polite = await announce(test, api, { call, length: 100_000 });
    polite.write("x".repeat(100_000));
    assert.equal(parseMessage(await polite.untilEnd()).status, 401);
    assert.equal(polite.wasReset, false);

    const flood = await announce(test, api, { call, length: 1_000_000_000 });
    await flood.until(hasMessage);
    const piece = Buffer.alloc(65_536);
    let sent = 0;
    while (!flood.hasEnded && sent < 200_000_000) {
      sent += piece.length;
      if (!flood.socket.write(piece)) {
        await new Promise((resolve) => {
          flood.socket.once("drain", resolve);
          flood.socket.once("close", resolve);
        });
      }
    }
    assert.ok(flood.hasEnded && sent < 50_000_000, `${sent} bytes were taken`);
  });

  it("A03: a body that is not the one whose MD5 was signed is 401", async (test) => {
    const api = await startApi(test);
    const text = JSON.stringify({ ...event, data: "other" });
    const client = await announce(test, api, { length: text.length });
    client.write(text);
    assert.equal((await answerOf(client)).status, 401);
    assert.deepEqual(api.refusals(), ["body_md5"]);
  });

  it("A11: a body that takes too long is answered 408 and closed, whether it is signed or not", async (test) => {
    const api = await startApi(test, { bodyTimeoutMs: 20 });
    for (const call of [{}, withoutMd5]) {
      const client = await announce(test, api, { call });
      client.write("{");
      const answer = parseMessage(await client.untilEnd());
      assert.equal(answer.status, 408);
      assert.match(answer.body, /POGO_API_BODY_TIMEOUT/);
    }
    assert.deepEqual(api.bodyRefusals(), ["too_slow", "too_slow"]);
  });

  it("A12: bodies that nobody has proven share a budget: beyond it 503, and it comes back", async (test) => {
    let visitors = 0;
    const visitorOf = () => String((visitors += 1));
    const api = await startApi(test, { maxUnverifiedBodyBytes: 200_000, visitorOf });
    const clients: RawSocket[] = [];
    for (let index = 0; index < 5; index += 1) {
      const client = await announce(test, api, { call: withoutMd5 });
      client.write("x".repeat(45_000));
      clients.push(client);
    }
    const refused = await answerOf(
      await Promise.any(clients.map(async (client) => (await client.until(hasMessage), client))),
    );
    assert.equal(refused.status, 503);
    assert.deepEqual(refused.values("retry-after"), ["1"]);
    assert.deepEqual(api.bodyRefusals(), ["node_budget"]);
    assert.ok(api.unverifiedBodyBytes() > 100_000 && api.unverifiedBodyBytes() <= 200_000);
    for (const client of clients) client.reset();
    await waitFor(() => api.unverifiedBodyBytes() === 0);
    const { status } = await api.call("events", { body: event, ...withoutMd5 });
    assert.equal(status, 200);
  });

  it("A12: one visitor has a share of it: beyond that 429; signed bodies are not counted", async (test) => {
    const api = await startApi(test, { maxUnverifiedBodyBytes: 200_000 });
    const client = await announce(test, api, { call: withoutMd5 });
    client.write("x".repeat(60_000));
    const answer = await answerOf(client);
    assert.equal(answer.status, 429);
    assert.deepEqual(answer.values("retry-after"), ["1"]);
    assert.deepEqual(api.bodyRefusals(), ["visitor_budget"]);

    const data = "x".repeat(150_000);
    assert.equal((await api.call("events", { body: { ...event, data } })).status, 200);
  });

  it("A12: a piece counts for more than its bytes, so that tiny chunks cost their sender what they cost us", async (test) => {
    const api = await startApi(test, { maxUnverifiedBodyBytes: 400_000 });
    const client = await announce(test, api, { call: withoutMd5, length: "chunked" });
    client.write("1\r\nx\r\n".repeat(1_000));
    assert.equal((await answerOf(client)).status, 429);
  });

  it("A03: the Python SDK signs and sends body_md5 of the empty body with every GET", async (test) => {
    const api = await startApi(test);
    const md5 = (text: string) => createHash("md5").update(text).digest("hex");
    const empty = await api.call("channels", { query: { body_md5: md5("") } });
    assert.equal(empty.status, 200);
    const other = await api.call("channels", { query: { body_md5: md5("x") } });
    assert.equal(other.status, 401);
    assert.deepEqual(api.refusals(), ["body_md5"]);
  });
});
