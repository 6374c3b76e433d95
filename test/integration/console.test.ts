/** The console of a whole sidecar: who may look, what is to be seen, and what can be done by it. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { exchangeRaw, parseMessage } from "../../sidecar/testing/raw-http.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { asMember, startConsoleStage } from "../kit/console-stage.ts";
import { connectClient } from "../kit/client.ts";
import { app, startSidecar, type RunningSidecar } from "../kit/start.ts";

type Json = Record<string, unknown>;

async function read(sidecar: RunningSidecar, path: string): Promise<Json> {
  const answer = await fetch(`${sidecar.adminUrl}/console/${path}`);
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as Json;
}

async function post(sidecar: RunningSidecar, path: string, body: unknown, headers = {}) {
  const answer = await fetch(`${sidecar.adminUrl}/console/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Json };
}

/** What a viewer is sent, as it comes. */
async function look(test: TestContext, sidecar: RunningSidecar, query = "") {
  const ended = new AbortController();
  test.after(() => ended.abort());
  const answer = await fetch(`${sidecar.adminUrl}/console/stream?${query}`, {
    signal: ended.signal,
  });
  assert.equal(answer.status, 200);
  const messages: Json[] = [];
  const body = answer.body ?? assert.fail();
  void (async () => {
    let rest = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) messages.push(JSON.parse(line) as Json);
    }
  })().catch(() => undefined);
  const entries = () =>
    messages.flatMap(({ type, entries }) => (type === "figures" ? [] : (entries as Json[])));
  /** The first entry that is this kind. */
  const first = async (kind: string): Promise<Json> => {
    const find = () => entries().find((entry) => entry["kind"] === kind);
    await until(kind, () => find() !== undefined, 5_000);
    return find() ?? assert.fail();
  };
  return { messages, entries, first, end: () => ended.abort() };
}

describe("the console: access", () => {
  it("on loopback is open; its page fetches nothing from elsewhere and runs nothing inline", async (test) => {
    const sidecar = await startSidecar(test);
    const answer = await fetch(sidecar.adminUrl);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'; /);
    const html = await answer.text();
    const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = ""]) => path);
    assert.ok(paths.length >= 2);
    for (const path of paths) {
      assert.equal((await fetch(sidecar.adminUrl + path)).status, 200, path);
    }
    assert.doesNotMatch(html, /https?:|<style|<script>| on\w+=/);
  });

  it("of a name that was rebound to this machine nothing is answered", async (test) => {
    const { adminUrl } = await startSidecar(test);
    const port = Number(new URL(adminUrl).port);
    for (const path of ["/", "/console/main.js", "/console/connections", "/console/stream"]) {
      const head = `GET ${path} HTTP/1.1\r\nHost: evil.test:${port}\r\nConnection: close\r\n\r\n`;
      assert.equal(parseMessage(await exchangeRaw(test, port, head)).status, 421, path);
    }
  });

  for (const headers of [
    { Origin: "http://evil.test" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ]) {
    it(`no other page does or reads anything: ${JSON.stringify(headers)}`, async (test) => {
      const { sidecar, connect } = await startConsoleStage(test);
      const { socketId } = await connect();
      const disconnected = await post(sidecar, "disconnect", { socketId }, headers);
      assert.equal(disconnected.status, 403);
      for (const path of ["connections", "stream"]) {
        const answer = await fetch(`${sidecar.adminUrl}/console/${path}`, { headers });
        assert.equal(answer.status, 403, path);
      }
      const { rows } = await read(sidecar, "connections");
      assert.equal((rows as Json[]).length, 1);
    });
  }

  it("a form can't do anything, for it can't send JSON", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const { socketId } = await connect();
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const answer = await post(sidecar, "disconnect", { socketId }, { "Content-Type": type });
      assert.equal(answer.status, 415);
    }
  });

  it("elsewhere is off without a token, whoever asks", async (test) => {
    const sidecar = await startSidecar(test, { POGO_ADMIN_HOST: "0.0.0.0" });
    const page = await fetch(sidecar.adminUrl);
    assert.equal(page.status, 403);
    assert.match(await page.text(), /POGO_ADMIN_TOKEN/);
    for (const path of ["connections", "stream", "nodes"]) {
      assert.equal((await fetch(`${sidecar.adminUrl}/console/${path}`)).status, 401, path);
    }
    assert.equal((await post(sidecar, "publish", {})).status, 401);
    assert.equal((await fetch(`${sidecar.adminUrl}/metrics`)).status, 200);
  });

  it("with a token asks for it once; a wrong one is in the log, without the token", async (test) => {
    const token = "a-token-of-some-length";
    const env = { POGO_ADMIN_HOST: "0.0.0.0", POGO_ADMIN_TOKEN: token };
    const sidecar = await startSidecar(test, env);
    const page = await fetch(sidecar.adminUrl);
    assert.equal(page.status, 403);
    assert.match(await page.text(), /<form method="post" action="\/console\/login">/);
    const logIn = (token: string, headers = {}) =>
      fetch(`${sidecar.adminUrl}/console/login`, {
        method: "POST",
        headers,
        body: new URLSearchParams({ token }),
        redirect: "manual",
      });
    const wrong = await logIn("another-token-of-this");
    assert.deepEqual(
      [wrong.status, wrong.headers.get("location"), wrong.headers.get("set-cookie")],
      [303, "/#wrong", null],
    );
    const refused = sidecar.lines.filter(({ msg }) => /login to the console/.test(String(msg)));
    assert.equal(refused.length, 1);
    assert.doesNotMatch(JSON.stringify(refused), /another-token/);
    assert.equal((await logIn(token, { Origin: "http://evil.test" })).status, 403);
    const right = await logIn(token);
    const [cookie = ""] = right.headers.get("set-cookie")?.split(";") ?? [];
    assert.doesNotMatch(cookie, new RegExp(token));
    const headers = { Cookie: cookie };
    assert.equal((await fetch(sidecar.adminUrl, { headers })).status, 200);
    const list = await fetch(`${sidecar.adminUrl}/console/connections`, { headers });
    assert.equal(list.status, 200);
    const left = await fetch(`${sidecar.adminUrl}/console/logout`, {
      method: "POST",
      headers,
      redirect: "manual",
    });
    assert.match(left.headers.get("set-cookie") ?? "", /=; .*Max-Age=0/);
  });

  it("other methods and paths are refused; HEAD has no body, and opens no stream", async (test) => {
    const { adminUrl } = await startSidecar(test);
    const statusOf = async (path: string, method = "GET") =>
      (await fetch(adminUrl + path, { method })).status;
    assert.equal(await statusOf("/", "PUT"), 405);
    assert.equal(await statusOf("/console/nothing"), 404);
    assert.equal(await statusOf("/console/disconnect"), 404);
    assert.equal(await statusOf("/console/stream", "HEAD"), 404);
    const head = await fetch(adminUrl, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });

  it("so many logins at once, and no more", async (test) => {
    const token = "a-token-of-some-length";
    const sidecar = await startSidecar(test, { POGO_ADMIN_TOKEN: token }, { now: () => 0 });
    const statuses: number[] = [];
    for (let login = 0; login < 21; login++) {
      const answer = await fetch(`${sidecar.adminUrl}/console/login`, {
        method: "POST",
        body: new URLSearchParams({ token: "wrong" }),
        redirect: "manual",
      });
      statuses.push(answer.status);
    }
    assert.deepEqual(statuses, [...Array<number>(20).fill(303), 429]);
  });
});

describe("the console: what is to be seen", () => {
  it("connections, by user and channel, and one in detail", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const ada = await connect({ Cookie: "laravel_session=secret", "User-Agent": "Ada's" });
    const grace = await connect();
    await ada.join("news");
    await ada.join("presence-room", asMember(ada.socketId, "presence-room", "ada"));
    await grace.join("news");
    const ids = async (text: string) => {
      const { rows } = await read(sidecar, `connections?text=${text}`);
      return (rows as Json[]).map(({ socketId }) => String(socketId));
    };
    assert.deepEqual(new Set(await ids("")), new Set([ada.socketId, grace.socketId]));
    assert.deepEqual(await ids("ROOM"), [ada.socketId]);
    assert.deepEqual(await ids(grace.socketId), [grace.socketId]);
    assert.deepEqual(await ids("127.0.0.1").then((all) => all.length), 2);
    assert.deepEqual(await ids("ada"), [ada.socketId]);
    assert.deepEqual(await ids("nobody"), []);
    const detail = await read(sidecar, `connection?id=${ada.socketId}`);
    const traffic = detail["traffic"] as Json;
    assert.ok(Number(traffic["sentBytes"]) > 100 && Number(traffic["receivedBytes"]) > 100);
    assert.deepEqual(
      [traffic["droppedFrames"], detail["user"], detail["handshake"], detail["subscriptions"]],
      [
        0,
        "ada",
        { origin: sidecar.url, userAgent: "Ada's", hasCookies: true },
        [
          { channel: "news", state: "live", member: null },
          { channel: "presence-room", state: "live", member: "ada" },
        ],
      ],
    );
    assert.doesNotMatch(JSON.stringify(detail), /secret/);
    assert.equal((await fetch(`${sidecar.adminUrl}/console/connection?id=9.9`)).status, 404);
  });

  it("channels, the largest first, and who is in one", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const clients = [await connect(), await connect()];
    const [ada, grace] = clients;
    assert.ok(ada && grace);
    await ada.join("small");
    for (const client of clients) await client.join("large");
    await ada.join("presence-room", asMember(ada.socketId, "presence-room", "ada"));
    const { rows } = await read(sidecar, "channels?text=");
    const [first] = rows as Json[];
    assert.deepEqual([first?.["name"], first?.["subscribers"]], ["large", 2]);
    const room = await read(sidecar, `channel?app=${app.id}&name=presence-room`);
    assert.deepEqual(
      [room["access"], room["members"], room["memberIds"]],
      ["presence", 1, ["ada"]],
    );
    const large = await read(sidecar, `channel?app=${app.id}&name=large`);
    assert.equal((large["connections"] as Json[]).length, 2);
  });

  it("thousands of channels come a page at a time", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test, {
      POGO_MAX_CHANNELS_PER_CONNECTION: "3000",
    });
    const client = await connect();
    for (let index = 0; index < 2_000; index++) {
      client.say("pusher:subscribe", { channel: `channel-${index}` });
    }
    await client.join("last");
    const { rows, matches } = await read(sidecar, "channels?text=channel&page=39");
    assert.deepEqual([(rows as Json[]).length, matches], [50, 2_000]);
    const beyond = await read(sidecar, "channels?text=channel&page=40");
    assert.deepEqual(beyond["rows"], []);
    const one = await read(sidecar, `connection?id=${client.socketId}`);
    assert.equal((one["subscriptions"] as Json[]).length, 200);
  });

  it("figures as soon as somebody looks", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const client = await connect();
    await client.join("news");
    const viewer = await look(test, sidecar);
    await until("figures", () => viewer.messages.some(({ type }) => type === "figures"), 5_000);
    const figures = viewer.messages.find(({ type }) => type === "figures") ?? {};
    const { totals, health, proxy } = figures as Record<string, Json>;
    assert.deepEqual(
      [totals?.["opened"], totals?.["subscriptions"], health?.["connections"], proxy?.["app"]],
      [1, 1, 1, "unknown"],
    );
    assert.doesNotMatch(JSON.stringify(figures), new RegExp(app.secret));
  });

  it("events with names, sizes and recipients, and not what is in them", async (test) => {
    const { sidecar, connect, publish } = await startConsoleStage(test);
    const client = await connect();
    await client.join("orders");
    const viewer = await look(test, sidecar);
    await publish("orders", "OrderShipped", '{"card":"4711"}');
    const { event, channel, bytes, recipients } = await viewer.first("event_delivered");
    // As JSON in a JSON string.
    assert.deepEqual([event, channel, bytes, recipients], ["OrderShipped", "orders", 21, 1]);
    assert.doesNotMatch(JSON.stringify(viewer.messages), /4711/);
    const refused = await fetch(`${sidecar.adminUrl}/console/stream?contents`);
    assert.equal(refused.status, 403);
  });

  it("what is in events, from when it is asked for, where POGO_CONSOLE_PAYLOADS allows it", async (test) => {
    const { sidecar, publish } = await startConsoleStage(test, { POGO_CONSOLE_PAYLOADS: "true" });
    await publish("orders", "Before", '{"id":1}');
    const viewer = await look(test, sidecar, "contents=");
    await publish("orders", "After", '{"id":2}');
    const { event, contents } = await viewer.first("event_delivered");
    assert.deepEqual([event, contents], ["After", String.raw`"{\"id\":2}"`]);
    assert.ok(sidecar.lines.every((line) => !JSON.stringify(line).includes(String.raw`\"id\"`)));
  });

  it("eight may look at a time; who goes makes room", async (test) => {
    const sidecar = await startSidecar(test);
    const viewers = await Promise.all(Array.from({ length: 8 }, () => look(test, sidecar)));
    const open = () => fetch(`${sidecar.adminUrl}/console/stream`, { signal: test.signal });
    const refused = await open();
    assert.equal(refused.status, 503);
    assert.match(await refused.text(), /8 pages/);
    viewers[0]?.end();
    await until("room", async () => (await open()).status === 200, 5_000);
  });

  it("why a subscribe was refused, also from before somebody looked", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const client = await connect({ Cookie: "laravel_session=x" });
    assert.equal(await client.subscribe("private-denied"), 403);
    assert.equal(await client.subscribe("private-page"), 403);
    assert.equal(await client.subscribe("private-x", { auth: "other-key:00" }), 403);
    const viewer = await look(test, sidecar);
    await viewer.first("authorization_refused");
    const found = viewer.entries().map(({ channel, kind, reason, fault, hint }) => ({
      channel,
      kind,
      why: reason ?? fault,
      hasHint: typeof hint === "string",
    }));
    assert.deepEqual(found, [
      { channel: "private-denied", kind: "authorization_refused", why: "forbidden", hasHint: true },
      { channel: "private-page", kind: "authorization_refused", why: "redirected", hasHint: true },
      { channel: "private-x", kind: "client_signature_refused", why: "wrong_key", hasHint: true },
      {
        channel: "private-x",
        kind: "authorization_refused",
        why: "invalid_signature",
        hasHint: true,
      },
    ]);
    assert.equal(await client.subscribe("private-csrf"), 403);
    await until(
      "the next",
      () => viewer.entries().some(({ channel }) => channel === "private-csrf"),
      5_000,
    );
  });
});

describe("the console: why something was refused", () => {
  /** Of each refusal that a viewer is sent, by its reason: what is to be read of it. */
  async function read(test: TestContext, sidecar: RunningSidecar, reasons: readonly string[]) {
    const viewer = await look(test, sidecar);
    const find = (reason: string) =>
      viewer.entries().find((entry) => entry["reason"] === reason || entry["fault"] === reason);
    await until("all", () => reasons.every((reason) => find(reason) !== undefined), 5_000);
    return reasons.map((reason) => {
      const { why, expected, hint, fix } = find(reason) ?? {};
      for (const text of [why, expected, hint]) assert.match(String(text), /\w+ \w+/, reason);
      return (fix as { line: string } | null)?.line ?? null;
    });
  }

  it("has a sentence, what was expected, what to do and mostly a line, for each of the usual causes", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test, {
      POGO_ACCEPT_CLIENT_EVENTS_FROM: "none",
    });
    const client = await connect({ Cookie: "laravel_session=x" });
    await client.subscribe("private-x", { auth: "other-key:00" });
    await client.subscribe("private-x", { auth: `${app.key}:${"0".repeat(64)}` });
    await client.subscribe("private-denied");
    await client.subscribe("no name");
    client.say("client-typing", {}, "private-x");
    const reasons = ["wrong_key", "mismatch", "forbidden", "invalid_channel_name"];
    const lines = await read(test, sidecar, [...reasons, "client_events_disabled"]);
    assert.deepEqual(lines, [
      `REVERB_APP_KEY=${app.key}`,
      `REVERB_APP_SECRET=… (the one that the sidecar has for app ${app.id})`,
      "Broadcast::channel('denied', fn ($user) => true);",
      "no-name",
      "POGO_ACCEPT_CLIENT_EVENTS_FROM=members",
    ]);
  });

  it("also where the app is down, and is not asked any more", async (test) => {
    const upstream = `http://127.0.0.1:${await freePort()}`;
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: upstream, POGO_AUTH_RETRY_FOR: "0" });
    const client = await connectClient(test, sidecar.port, { Origin: sidecar.url });
    for (let index = 0; index < 12; index++) await client.subscribe(`private-${index}`);
    const lines = await read(test, sidecar, ["dispatch_error", "circuit_open"]);
    const { port } = new URL(upstream);
    assert.deepEqual(lines, [`php artisan serve --host=127.0.0.1 --port=${port}`, null]);
  });
});

describe("the console: what can be done", () => {
  it("a connection is closed, and its page does not come back by itself", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const client = await connect();
    const { socketId } = client;
    assert.equal((await post(sidecar, "disconnect", { socketId })).status, 200);
    assert.equal(await client.closed(), 4009);
    assert.equal((await post(sidecar, "disconnect", { socketId })).status, 404);
    const used = sidecar.lines.filter(({ msg }) => msg === "the console was used");
    assert.deepEqual(
      used.map(({ action }) => action),
      ["disconnect"],
    );
  });

  it("a test event reaches the channel, within the limits of any publish", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const client = await connect();
    await client.join("news");
    const event = { appId: app.id, channel: "news", event: "test", data: '{"n":1}' };
    assert.equal((await post(sidecar, "publish", event)).status, 200);
    assert.deepEqual((await client.next("test")).data, { n: 1 });
    for (const wrong of [{ channel: "no spaces" }, { appId: "9" }, { event: "e".repeat(201) }]) {
      const { status, body } = await post(sidecar, "publish", { ...event, ...wrong });
      assert.equal(status, 422);
      assert.match(String(body["message"]), /\w+ .*\w/);
    }
    assert.equal(
      (await post(sidecar, "publish", { ...event, data: "x".repeat(70_000) })).status,
      400,
    );
    assert.equal((await post(sidecar, "publish", [])).status, 400);
  });

  it("the app is asked again about a refused subscribe, with the connection's own cookies, and explained", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test);
    const client = await connect({ Cookie: "laravel_session=x" });
    const { socketId } = client;
    const replay = async (channel: string, id = socketId) =>
      (await post(sidecar, "replay", { socketId: id, channel })).body;
    const denied = await replay("private-denied");
    assert.equal(denied["isAllowed"], false);
    assert.match(String(denied["text"]), /\/broadcasting\/auth answers 403/);
    assert.match(String(denied["fix"]), /routes\/channels\.php/);
    assert.match(String((await replay("private-csrf"))["fix"]), /validateCsrfTokens/);
    assert.deepEqual(await replay("private-yes"), {
      isAllowed: true,
      text: "the app says yes, and signs with the sidecar's key and secret",
    });
    const gone = await replay("private-denied", "9.9");
    assert.match(String(gone["text"]), /has ended/);
    // Nothing of it counts against the page, nor joins it.
    assert.equal((await read(sidecar, "channels"))["matches"], 0);
  });

  it("a page of another origin is explained without asking the app", async (test) => {
    const { sidecar, connect } = await startConsoleStage(test, { POGO_ALLOWED_ORIGINS: "*" });
    const client = await connect({ Origin: "http://evil.test", Cookie: "laravel_session=x" });
    const { socketId } = client;
    const { body } = await post(sidecar, "replay", { socketId, channel: "private-yes" });
    assert.match(String(body["fix"]), /POGO_ALLOWED_ORIGINS|Host/);
  });
});

describe("the console: several nodes", { skip: needsRedis() }, () => {
  it("each says who it is, and has every node's connections, and its address where it has said one", async (test) => {
    const redis = await startRedis();
    test.after(() => redis.stop());
    const env = { POGO_REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    const POGO_ADMIN_URL = "http://10.0.0.7:2019";
    const [one, other] = [
      await startSidecar(test, { ...env, POGO_ADMIN_URL }),
      await startSidecar(test, env),
    ];
    const ids = await Promise.all(
      [one, other].map(async ({ adminUrl }) => {
        const health = (await (await fetch(`${adminUrl}/pogo/health`)).json()) as Json;
        return String(health["node"]);
      }),
    );
    for (let count = 0; count < 2; count++) {
      await (await connectClient(test, one.port)).join("news");
    }
    await (await connectClient(test, other.port)).join("news");
    for (const sidecar of [one, other]) {
      const counts = new Map<unknown, unknown>();
      const urls = new Map<unknown, unknown>();
      const isWhole = async (): Promise<boolean> => {
        const { nodes } = await read(sidecar, "nodes");
        for (const { id, connections, adminUrl } of nodes as Json[]) {
          counts.set(id, connections);
          urls.set(id, adminUrl);
        }
        return counts.get(ids[0]) === 2 && counts.get(ids[1]) === 1;
      };
      await until("the counts of both", isWhole, 5_000);
      assert.deepEqual(
        ids.map((id) => urls.get(id)),
        [`${POGO_ADMIN_URL}/`, null],
      );
    }
    await redis.stop();
    await until("nobody can say", async () => (await read(one, "nodes"))["nodes"] === null, 10_000);
  });

  it("a single node has nobody to count", async (test) => {
    assert.deepEqual(await read(await startSidecar(test), "nodes"), { nodes: null });
  });
});
