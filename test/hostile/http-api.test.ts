/** What hostile clients try on the HTTP API, against a whole sidecar: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { nowSeconds, send } from "../../sidecar/testing/http-api.ts";
import { createSigner, type Call } from "../kit/sign.ts";
import { connectRaw, parseMessage } from "../../sidecar/testing/raw-http.ts";
import { requestOf, requestsOf, startUpstream } from "../../sidecar/testing/raw-upstream.ts";
import { connectClient } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";

const sign = createSigner(app);
const event = { name: "e", channel: "news", data: "d" };

async function start(test: TestContext, env: Readonly<Record<string, string>> = {}) {
  const sidecar = await startSidecar(test, env);
  const call = (route: string, request: Call = {}) => {
    const { method, target, body } = sign(route, request);
    return send(sidecar.port, method, target, body);
  };
  /** The status of a request whose target and body are sent as they are here. */
  const statusOf = async (method: string, target: string, body = "") =>
    (await send(sidecar.port, method, target, body)).status;
  return { sidecar, call, statusOf };
}

/** A signed publish, to be tampered with. */
function signed(call: Call = {}) {
  const { target, body } = sign("events", { body: event, ...call });
  const [path = "", query = ""] = target.split("?");
  const signature = /auth_signature=([0-9a-f]+)/.exec(query)?.[1] ?? "";
  return { path, query, target, body, signature };
}

const wrong = "0".repeat(64);

describe("signatures", () => {
  it("rows 43, 44: of a signature given twice the last one counts, as PHP reads it; nothing else passes for one", async (test) => {
    const { statusOf } = await start(test);
    const { path, query, body, signature } = signed();
    const without = query.replace(/&?auth_signature=[0-9a-f]+/, "");
    const of = (more: string) => statusOf("POST", `${path}?${without}${more}`, body);
    assert.equal(await of(`&auth_signature=${wrong}&auth_signature=${signature}`), 200);
    assert.equal(await of(`&auth_signature[]=${signature}`), 200);
    assert.equal(await of(`&auth%5Fsignature=${signature}`), 200);
    for (const more of [
      "",
      "&auth_signature=",
      "&auth_signature",
      `&auth_signature=${signature}&auth_signature=${wrong}`,
      `&auth_signature=${signature.toUpperCase()}`,
      `&auth_signature=${signature}%20`,
      `&auth_signature=${signature}0`,
      `&AUTH_SIGNATURE=${signature}`,
      `&auth_signature[]=${signature}&auth_signature[]=${signature}`,
    ]) {
      assert.equal(await of(more), 401, more);
    }
    assert.equal(await statusOf("POST", path, body), 401, "no query");
  });

  it("row 45: no body but the one that was signed", async (test) => {
    const { statusOf } = await start(test);
    const { target, body, path } = signed();
    const other = JSON.stringify({ ...event, data: "other" });
    assert.equal(await statusOf("POST", target, other), 401);
    assert.equal(await statusOf("POST", target, `${body} `), 401);
    assert.equal(await statusOf("POST", target, ""), 401);
    const md5 = createHash("md5").update(other).digest("hex");
    assert.equal(await statusOf("POST", `${target}&body_md5=${md5}`, other), 401, "twice");
    // Signed without any body_md5: the body stands outside of the signature.
    const query = `auth_key=${app.key}&auth_timestamp=${nowSeconds}&auth_version=1.0`;
    const text = `POST\n${path}\n${query}`;
    const signature = createHmac("sha256", app.secret).update(text).digest("hex");
    assert.equal(await statusOf("POST", `${path}?${query}&auth_signature=${signature}`, body), 401);
  });

  it("rows 46, 47: no other method, path, secret or parameters than those that were signed", async (test) => {
    const { statusOf, call } = await start(test);
    const { target, body, query } = signed();
    assert.equal((await call("channels", { secret: app.key })).status, 401);
    assert.equal((await call("channels", { secret: "" })).status, 401);
    assert.equal(await statusOf("POST", `/apps/${app.id}/batch_events?${query}`, body), 401);
    const get = sign("channels");
    assert.equal(await statusOf("HEAD", get.target), 401);
    assert.equal(await statusOf("GET", get.target.replace("/channels", "/connections")), 401);
    for (const more of ["&info=user_count", "&info", "&%0Ainfo=a", "&=", "&x[]=1"]) {
      assert.equal(await statusOf("GET", `${get.target}${more}`), 401, more);
    }
    // Parameters hidden in the value of another one, and a signed value cut into two parameters.
    const filtered = sign("channels", { query: { filter_by_prefix: "a&info=b" } }).target;
    assert.equal(await statusOf("GET", filtered), 200);
    const cut = filtered.replace("a%26info%3Db", "a&info=b");
    assert.notEqual(cut, filtered);
    // The text that was signed is the same: both name exactly these parameters, and nothing else is gained.
    assert.equal(
      await statusOf("GET", cut.replace("filter_by_prefix=a", "filter_by_prefix=b")),
      401,
    );
    assert.equal(
      await statusOf("POST", target.replace("?", "?auth_key=x&"), body),
      200,
      "last wins",
    );
  });

  it("rows 48, 49: no other time, version or key, however it is written", async (test) => {
    const { call } = await start(test);
    const times = ["", "1e9", "1700000000.5", "0x6553f100", "-1", " ", "9".repeat(400), "NaN"];
    for (const offset of [-301, 302]) times.push(String(nowSeconds + offset));
    for (const auth_timestamp of times) {
      assert.equal(
        (await call("channels", { query: { auth_timestamp } })).status,
        401,
        auth_timestamp,
      );
    }
    for (const auth_version of ["2.0", "", "1", "1.00"]) {
      assert.equal((await call("channels", { query: { auth_version } })).status, 401, auth_version);
    }
    for (const auth_key of ["other", "", `${app.key} `, app.key.toUpperCase()]) {
      assert.equal((await call("channels", { query: { auth_key } })).status, 401, auth_key);
    }
    const tamper = (params: Record<string, string>): unknown => delete params["auth_key"];
    assert.equal((await call("channels", { tamper })).status, 401);
  });

  it("row 53: a signature that is right up to any of its digits is answered as one that is all wrong", async (test) => {
    const { sidecar } = await start(test);
    const { path, query, body, signature } = signed();
    const answers = new Set<string>();
    for (let right = 0; right < signature.length; right += 7) {
      const digit = signature[right] === "0" ? "1" : "0";
      const nearly = signature.slice(0, right) + digit + signature.slice(right + 1);
      const target = `${path}?${query.replace(signature, nearly)}`;
      const { status, text } = await send(sidecar.port, "POST", target, body);
      answers.add(`${status} ${text}`);
    }
    assert.equal(answers.size, 1);
    assert.match([...answers].join(), /^401 /);
  });

  it("row 50: a request can be used again within the tolerance, as at Pusher", async (test) => {
    const { statusOf } = await start(test);
    const { target, body } = signed();
    assert.equal(await statusOf("POST", target, body), 200);
    assert.equal(await statusOf("POST", target, body), 200);
  });
});

describe("paths and methods", () => {
  it("row 51: another spelling of the path is the app's, byte by byte, or needs the signature", async (test) => {
    const upstream = await startUpstream(test);
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
    });
    const id = app.id;
    const spellings = [
      `//apps/${id}/channels`,
      `/apps//${id}/channels`,
      `/apps/${id}//channels`,
      `/./apps/${id}/channels`,
      `/apps/./${id}/channels`,
      `/x/../apps/${id}/channels`,
      `/%61pps/${id}/channels`,
      `/apps/${id}/%63hannels`,
      `/apps/${id}/channels;x`,
      `/apps/${id};x/channels`,
      `/apps/${id}/channels%00`,
      `/apps/${id}/channels/`,
      `/APPS/${id}/channels`,
      `/apps/${id}/CHANNELS`,
      `/apps/${id}/..%2fchannels`,
      `/apps/${id}/channels%2f..`,
      `/apps%2f${id}/channels`,
      `/apps\\${id}\\channels`,
    ];
    for (const target of spellings) {
      const client = await connectRaw(test, sidecar.port);
      const answer = await client.write(requestOf("GET", target, ["Connection: close"])).untilEnd();
      assert.equal(parseMessage(answer).status, 200, target);
    }
    const seen = upstream.connections.flatMap((connection) => requestsOf(connection));
    const targets = seen.map(({ startLine }) => startLine.split(" ")[1]);
    assert.equal(targets.length, spellings.length);
    assert.deepEqual(new Set(targets), new Set(spellings));
    // An encoded id is that id.
    const encoded = `/apps/${encodeURIComponent(id).replace("a", "%61")}/channels`;
    assert.equal((await send(sidecar.port, "GET", encoded, "")).status, 401);
    // A dot is the name of a channel.
    assert.equal((await send(sidecar.port, "GET", `/apps/${id}/channels/.`, "")).status, 401);
  });

  it("row 52: a method that a route does not have is 405, signed or not", async (test) => {
    const { statusOf } = await start(test);
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "GET", "HEAD"]) {
      assert.equal(await statusOf(method, `/apps/${app.id}/events`), 405, method);
    }
    assert.equal(await statusOf("POST", `/apps/${app.id}/channels`), 405);
  });
});

describe("signed bodies", () => {
  it("row 54: odd JSON is refused, or taken as what it says", async (test) => {
    const { sidecar, call } = await start(test);
    const client = await connectClient(test, sidecar.port);
    assert.equal(await client.subscribe("news"), 200);
    const deep = "[".repeat(600_000);
    const channels = Array.from({ length: 101 }, (_, index) => `c${index}`);
    const bodies: [status: number, body: unknown][] = [
      [400, deep],
      [400, `{"name":"e","channel":"news","data":"d","x":${deep}}`],
      [400, '"text"'],
      [400, '{"name":"e","channel":"news","data":"d"'],
      [422, '{"__proto__":{"name":"e","channel":"news","data":"d"}}'],
      [422, "[]"],
      [422, { ...event, channel: undefined, channels: { 0: "news" } }],
      [422, { ...event, channel: undefined, channels }],
      [422, { ...event, channel: "__proto__ " }],
      [422, { ...event, channel: "new\u0000s" }],
      [200, { ...event, channel: "__proto__" }],
      [200, { ...event, name: "constructor", data: "\u0000" }],
      [200, '{"name":"e","channel":"news","data":"\\ud800"}'],
    ];
    for (const [status, body] of bodies) {
      const answer = await call("events", { body });
      assert.equal(answer.status, status, JSON.stringify(body).slice(0, 80));
    }
    await client.next("constructor");
    await client.next("e");
    assert.equal((await call("events", { body: event })).status, 200, "and it goes on");
  });

  it("row 55: a batch of 40,000 is one request, bounded by its bytes", async (test) => {
    const { call, sidecar } = await start(test);
    const client = await connectClient(test, sidecar.port);
    await client.subscribe("last");
    const batch = Array.from({ length: 40_000 }, () => ({ name: "e", channel: "c", data: "d" }));
    batch.push({ name: "e", channel: "last", data: "d" });
    assert.equal((await call("batch_events", { body: { batch } })).status, 200);
    await client.next("e");
    const long = [{ name: "e", channel: "c", data: "x".repeat(2_097_152) }];
    assert.equal((await call("batch_events", { body: { batch: long } })).status, 413);
  });

  it("row 56: a body is never inflated, whatever its Content-Encoding says", async (test) => {
    const { sidecar } = await start(test);
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { target } = sign("events", {
      body: event,
      query: { body_md5: createHash("md5").update(bomb).digest("hex") },
    });
    const client = await connectRaw(test, sidecar.port);
    client.write(
      requestOf("POST", target, ["Content-Encoding: gzip", `Content-Length: ${bomb.length}`]),
    );
    const { status, body } = parseMessage(await client.write(bomb).until("invalid_payload_json"));
    assert.deepEqual([status, body.split(":")[0]], [400, "invalid_payload_json"]);
  });
});

describe("bodies that nobody has signed", () => {
  it("row 57: 60 of them, 2 MB each, take no more memory than their budget, and delay nobody", async (test) => {
    const { sidecar, call } = await start(test, { POGO_MAX_UNVERIFIED_BODY_BYTES: "1MiB" });
    const piece = Buffer.alloc(64 * 1024, "x");
    const query = `auth_key=${app.key}&auth_timestamp=${nowSeconds}&auth_version=1.0&auth_signature=${wrong}`;
    const clients = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const client = await connectRaw(test, sidecar.port);
        // Half of them give a query in which only the signature is wrong.
        const target = `/apps/${app.id}/events${index % 2 ? `?${query}` : ""}`;
        client.write(requestOf("POST", target, ["Content-Length: 2097152"]));
        for (let sent = 0; sent < 20; sent += 1) client.write(piece);
        return client;
      }),
    );
    for (const client of clients) await client.until(/^HTTP\/1\.1 (401|429|503) /);
    const { "": bytes = -1 } = await sidecar.series("pogo_api_unverified_body_bytes");
    assert.ok(bytes >= 0 && bytes <= 1_048_576, String(bytes));
    assert.equal((await call("events", { body: event })).status, 200);
    for (const client of clients) client.reset();
    await sidecar.seriesBecome("pogo_api_unverified_body_bytes", { "": 0 });
  });
});

describe("floods", () => {
  /** Sends so much over each of twenty connections; how often somebody else is answered until all of them have ended. */
  async function countServed(test: TestContext, port: number, bytes: Buffer): Promise<number> {
    const bystander = await connectClient(test, port);
    const attackers = await Promise.all(Array.from({ length: 20 }, () => connectRaw(test, port)));
    for (const attacker of attackers) attacker.write(bytes);
    let served = 0;
    while (attackers.some(({ hasEnded }) => !hasEnded)) {
      await bystander.roundTrip();
      served += 1;
    }
    return served;
  }

  it("row 119: of pipelined requests a connection has sixteen read ahead, each answered in a turn of its own", async (test) => {
    const { sidecar } = await start(test);
    const pipelined = requestOf("GET", `/apps/${app.id}/channels`).repeat(2_000);
    const served = await countServed(test, sidecar.port, Buffer.from(pipelined));
    assert.ok(served >= 20, `${served} times`);
    const answered = await sidecar.counted("pogo_api_requests_total");
    assert.deepEqual(answered, { 'route="channels",code="401"': 20 * 17 });
    const refused = await sidecar.counted("pogo_http_requests_refused_total");
    assert.deepEqual(refused, { 'reason="pipelining"': 20 });
  });
});
