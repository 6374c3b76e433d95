/** POGO_RECOVERY_AUTH over real sockets: who is granted again what the app had granted, and above all who is not. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectRaw } from "../../sidecar/testing/raw-http.ts";
import { requestOf } from "../../sidecar/testing/raw-upstream.ts";
import {
  postAt,
  openPage,
  startGrantingApp,
  type Browser,
  type Page,
  type PageOptions,
} from "../kit/returning-page.ts";
import { app, hmac, signChannel } from "../kit/sign.ts";
import { startSidecar, type RunningSidecar } from "../kit/start.ts";

const outcomes = "pogo_websocket_recovery_authorizations_total";
const active = "pogo_websocket_connections_active";
const room = "presence-room";

interface Stage {
  readonly test: TestContext;
  readonly clock: { nowMs: number };
  readonly sidecar: RunningSidecar;
  readonly app: Awaited<ReturnType<typeof startGrantingApp>>;
  readonly browser: Browser;
  readonly token: string;
  open(options?: Partial<PageOptions>): Promise<Page>;
}

async function start(
  test: TestContext,
  env: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  const granting = await startGrantingApp(test);
  const clock = { nowMs: 1_000_000 };
  const sidecar = await startSidecar(
    test,
    { POGO_UPSTREAM: granting.url, POGO_RECOVERY: "all", POGO_RECOVERY_AUTH: "true", ...env },
    { now: () => clock.nowMs },
  );
  const browser: Browser = { recovery: null };
  const token = randomUUID();
  const open: Stage["open"] = (options) =>
    openPage(test, { port: sidecar.port, browser, token, ...options });
  return { test, clock, sidecar, app: granting, browser, token, open };
}

/** It is cut off, and the node has noticed. */
async function cut({ sidecar }: Stage, page: Page): Promise<void> {
  page.terminate();
  await sidecar.seriesBecome(active, {});
}

/** A page that was in these channels by the app's word, and has been cut off. */
async function leave(
  stage: Stage,
  channels: readonly string[] = ["private-orders"],
  fields = {},
): Promise<Page> {
  const page = await stage.open();
  for (const channel of channels) assert.equal(await page.enter(channel, fields), false);
  await cut(stage, page);
  assert.deepEqual(stage.app.asked(), channels);
  return page;
}

async function publish(sidecar: RunningSidecar, channel: string, name: string): Promise<void> {
  const { status } = await sidecar.call("events", { body: { name, channel, data: "{}" } });
  assert.equal(status, 200);
}

describe("a page that is back", () => {
  it("Y22: is granted its private and presence channels again, and the app is not asked", async (t) => {
    const stage = await start(t);
    const { sidecar, app } = stage;
    await leave(stage, ["private-orders", room]);
    await publish(sidecar, "private-orders", "missed");
    const back = await stage.open();
    assert.equal(await back.enter("private-orders"), true);
    await back.next("missed");
    assert.equal(await back.enter(room), true);
    const list = back.frames.find(
      ({ event, channel }) => event.endsWith("succeeded") && channel === room,
    );
    assert.deepEqual(Object(list?.data).presence.hash, { ada: { name: "ada" } });
    assert.deepEqual(app.asked(), []);
    assert.deepEqual(await sidecar.counted(outcomes), {
      'app_id="app-id",outcome="answered"': 2,
      'app_id="app-id",outcome="not_granted"': 2,
    });
    const lines = sidecar.lines.filter(({ outcome }) => outcome === "answered");
    assert.deepEqual(
      lines.map(({ channel, level }) => [channel, level]),
      [
        ["private-orders", 20],
        [room, 20],
      ],
    );
  });

  it("Y22: is answered as the app would, to a form and to JSON", async (t) => {
    const stage = await start(t);
    await leave(stage, ["private-a", room]);
    const back = await stage.open();
    const json = JSON.stringify({ socket_id: back.socketId, channel_name: "private-a" });
    const fields = { Cookie: "session=ada", Origin: `http://127.0.0.1:${back.port}` };
    const { status, text, headers } = await postAt(back.port, json, {
      ...fields,
      "Content-Type": "application/json",
    });
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["cache-control"], "no-store");
    assert.match(String(headers["x-request-id"]), /./);
    const auth = `app-key:${hmac("app-secret", `${back.socketId}:private-a`)}`;
    assert.deepEqual(JSON.parse(text), { auth });
    const presence = JSON.parse((await back.post(room)).text);
    const signed = `${back.socketId}:${room}:${presence.channel_data}`;
    assert.equal(presence.auth, `app-key:${hmac("app-secret", signed)}`);
    assert.deepEqual(JSON.parse(presence.channel_data), {
      user_id: "ada",
      user_info: { name: "ada" },
    });
    assert.deepEqual(stage.app.asked(), []);
  });

  it("Y22: is answered once for a channel, and again when it is back the next time", async (t) => {
    const stage = await start(t);
    await leave(stage);
    for (let times = 0; times < 3; times += 1) {
      const back = await stage.open();
      assert.equal(await back.enter("private-orders"), true);
      assert.deepEqual(stage.app.asked(), []);
      assert.equal(await back.enter("private-orders"), false);
      assert.deepEqual(stage.app.asked(), ["private-orders"]);
      await cut(stage, back);
    }
  });

  it("Y22: is answered again where it was cut off before it subscribed", async (t) => {
    const stage = await start(t);
    await leave(stage, ["private-a", "private-b"]);
    const hasty = await stage.open();
    assert.equal((await hasty.post("private-a")).status, 200);
    await cut(stage, hasty);
    const back = await stage.open();
    for (const channel of ["private-a", "private-b"]) assert.ok(await back.enter(channel));
    assert.deepEqual(stage.app.asked(), []);
  });

  it("Y22: goes on at the successor of a node that stopped", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "pogo-recovery-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const env = { POGO_RECOVERY: "orderly", POGO_RECOVERY_STATE_DIR: directory };
    const stage = await start(t, env);
    const host = "app.test";
    const before = await stage.open({ host });
    for (const channel of ["private-orders", room]) await before.enter(channel);
    const stopped = stage.sidecar.stop();
    await before.closed();
    await stopped;
    stage.app.asked();
    const all = { ...env, POGO_UPSTREAM: stage.app.url, POGO_RECOVERY_AUTH: "true" };
    const { port } = await startSidecar(t, all);
    const back = await stage.open({ port, host });
    for (const channel of ["private-orders", room]) assert.ok(await back.enter(channel));
    assert.deepEqual(stage.app.asked(), []);
  });

  it("Y22: who has lost the right meanwhile keeps the channel, as if the connection had stayed open", async (t) => {
    const stage = await start(t);
    await leave(stage);
    stage.app.forbid("private-orders");
    const back = await stage.open();
    assert.equal(await back.enter("private-orders"), true);
    assert.equal((await back.post("private-orders")).status, 403);
    // The app's word counts from then on.
    await cut(stage, back);
    const again = await stage.open();
    assert.equal((await again.post("private-orders")).status, 403);
  });

  it("Y25: its browser gets one cookie for all of its pages, of which the app sees nothing", async (t) => {
    const stage = await start(t);
    const first = await stage.open();
    assert.match(
      first.setCookie.join(),
      /^pogo_recovery=[\w-]{22}; Path=\/r; HttpOnly; SameSite=Lax$/,
    );
    const second = await stage.open({ token: randomUUID() });
    assert.deepEqual(second.setCookie, []);
    const secure = { recovery: null };
    const page = await stage.open({ browser: secure, origin: "https://127.0.0.1" });
    assert.match(page.setCookie.join(), /; Secure$/);
    const { setCookie } = await stage.open({ browser: { recovery: null }, origin: null });
    assert.deepEqual(setCookie, []);
  });

  it("Y22: a page of which an attempt to connect was given up, while that is still open or after it", async (t) => {
    for (const isNoticedFirst of [true, false]) {
      const stage = await start(t);
      await leave(stage);
      const givenUp = await stage.open();
      if (isNoticedFirst) {
        givenUp.socket.terminate();
        await stage.sidecar.seriesBecome(active, {});
      }
      assert.equal(await (await stage.open()).enter("private-orders"), true);
      assert.deepEqual(stage.app.asked(), []);
    }
  });

  it("Y25: below POGO_PATH the cookie is for the pages there, and brings them back as well", async (t) => {
    const stage = await start(t, { POGO_PATH: "/ws" });
    const before = await stage.open({ prefix: "/ws" });
    assert.match(before.setCookie.join(), /; Path=\/ws\/r; /);
    await before.enter("private-orders");
    await cut(stage, before);
    assert.equal(await (await stage.open({ prefix: "/ws" })).enter("private-orders"), true);
  });

  it("Y25: off by default: no cookie for a page with a token, and the app is asked", async (t) => {
    const stage = await start(t, { POGO_RECOVERY_AUTH: "false" });
    assert.deepEqual((await leave(stage)).setCookie, []);
    const back = await stage.open();
    assert.equal(await back.enter("private-orders"), false);
    assert.deepEqual(await stage.sidecar.counted(outcomes), {});
  });
});

/** What comes back, and asks for `private-orders`, in whatever wrong way. Resolves with the app's status. */
type Attempt = (stage: Stage) => Promise<number>;

describe("the app is asked, as always, for", () => {
  /** After a page has left as it should, or as the attempt has it. */
  async function attempt(test: TestContext, run: Attempt, channels?: readonly string[]) {
    const stage = await start(test);
    await leave(stage, channels);
    const status = await run(stage);
    assert.ok(stage.app.asked().length > 0, "it was not asked");
    assert.equal(
      (await stage.sidecar.counted(outcomes))['app_id="app-id",outcome="answered"'],
      undefined,
    );
    return status;
  }
  const ask = async (page: Page, fields = {}, channel = "private-orders"): Promise<number> =>
    (await page.post(channel, fields)).status;

  const attempts: Readonly<Record<string, readonly [status: number, Attempt]>> = {
    "another browser that has the token from an access log": [
      200,
      async ({ open }) => ask(await open({ browser: { recovery: null } })),
    ],
    "another browser with a cookie of its own": [
      200,
      async ({ open }) => {
        const browser = { recovery: null };
        await open({ browser, token: randomUUID() });
        return ask(await open({ browser }));
      },
    ],
    "the page itself, once somebody without the cookie has taken its session": [
      200,
      async (stage) => {
        const thief = await stage.open({ browser: { recovery: null } });
        await thief.join("news");
        await cut(stage, thief);
        return ask(await stage.open());
      },
    ],
    "a browser in which somebody else has set a cookie beside it": [
      200,
      async ({ open, browser }) => {
        const recovery = `pogo_recovery=${"x".repeat(22)}; ${browser.recovery}`;
        return ask(await open({ browser: { recovery } }));
      },
    ],
    "the same browser with another page": [
      200,
      async ({ open }) => ask(await open({ token: randomUUID() })),
    ],
    "the cookie alone, without a token": [
      200,
      async ({ open }) => ask(await open({ token: null })),
    ],
    "a client that is no page": [
      200,
      async ({ open }) => ask(await open({ browser: { recovery: null }, origin: null })),
    ],
    "a page that has logged out, so that its cookie is gone": [
      403,
      async ({ open }) => ask(await open(), { Cookie: undefined }),
    ],
    "a page with another cookie than before": [
      403,
      async ({ open }) => ask(await open(), { Cookie: "consent=1" }),
    ],
    "a page that shows an Authorization that it did not": [
      200,
      async ({ open }) => ask(await open(), { Authorization: "Bearer bea" }),
    ],
    "a page that has tried with less before": [
      200,
      async ({ open }) => {
        const page = await open();
        await ask(page, { Cookie: undefined });
        return ask(page);
      },
    ],
    "a page that comes back a second too late": [
      200,
      async ({ open, clock, sidecar }) => {
        clock.nowMs += 61_000;
        await sidecar.seriesBecome("pogo_websocket_recovery_sessions", {});
        return ask(await open());
      },
    ],
    "a page that is back, and asks a second too late": [
      200,
      async ({ open, clock }) => {
        const page = await open();
        clock.nowMs += 61_000;
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        return ask(page);
      },
    ],
    "a channel in which it was not": [
      200,
      async ({ open }) => ask(await open(), {}, "private-salaries"),
    ],
    "the socket id of a connection that nobody has": [
      200,
      async ({ open }) => {
        const { port } = await open();
        const fields = { Cookie: "session=ada", Origin: `http://127.0.0.1:${port}` };
        return (await postAt(port, "socket_id=1.2&channel_name=private-orders", fields)).status;
      },
    ],
    "the socket id of another connection": [
      200,
      async ({ open }) => {
        const [, other] = [
          await open(),
          await open({ browser: { recovery: null }, token: randomUUID() }),
        ];
        return ask(other);
      },
    ],
    "a page of another origin": [
      200,
      async ({ open }) => ask(await open(), { Origin: "http://evil.example" }),
    ],
    "a page that says nothing of its origin": [
      200,
      async ({ open }) => ask(await open(), { Origin: undefined }),
    ],
    "a request that the browser says comes from another site": [
      200,
      async ({ open }) => ask(await open(), { "Sec-Fetch-Site": "same-site" }),
    ],
    "a page of another origin that may connect": [
      200,
      async ({ open }) => {
        const Origin = "http://shop.example";
        return ask(await open({ origin: Origin }), { Origin });
      },
    ],
    "a path that is another one": [
      200,
      async ({ open }) => {
        const { socketId, port } = await open();
        const fields = { Cookie: "session=ada", Origin: `http://127.0.0.1:${port}` };
        const question = `socket_id=${socketId}&channel_name=private-orders`;
        return (await postAt(port, question, fields, "/broadcasting/auth?x=1")).status;
      },
    ],
  };
  for (const [who, [status, run]] of Object.entries(attempts)) {
    it(`Y23: ${who}`, async (t) => assert.equal(await attempt(t, run), status));
  }

  it("Y23: an encrypted channel, whose key the app has", async (t) => {
    const channel = "private-encrypted-orders";
    const run: Attempt = async ({ open }) => ask(await open(), {}, channel);
    assert.equal(await attempt(t, run, [channel]), 200);
  });

  it("Y23: a page whose first question went without credentials", async (t) => {
    const stage = await start(t);
    const page = await stage.open();
    const proof = { auth: `app-key:${hmac(app.secret, `${page.socketId}:private-orders`)}` };
    await page.join("private-orders", proof);
    await cut(stage, page);
    assert.equal(await ask(await stage.open()), 200);
    assert.deepEqual(stage.app.asked(), ["private-orders"]);
  });

  it("Y23: a page that shows what it did for its first channel, but less than for this one", async (t) => {
    const stage = await start(t);
    const page = await stage.open();
    await page.enter("private-lobby");
    await page.enter("private-orders", { Cookie: "session=ada; login=1" });
    await cut(stage, page);
    stage.app.asked();
    const back = await stage.open();
    for (const channel of ["private-orders", "private-lobby"]) await back.post(channel);
    assert.deepEqual(stage.app.asked(), ["private-orders", "private-lobby"]);
  });

  for (const status of [204, 302, 401, 404, 419, 503]) {
    it(`Y23: a channel for which the app had ${status} the last time that it was asked`, async (t) => {
      const stage = await start(t);
      await leave(stage);
      const page = await stage.open();
      assert.equal(await page.enter("private-orders"), true);
      stage.app.forbid("private-orders", status);
      assert.equal(await ask(page), status);
      await cut(stage, page);
      assert.equal(await ask(await stage.open()), status);
    });
  }

  it("Y23: a channel that the app has refused meanwhile to a subscribe without a signature, then and the next time", async (t) => {
    const stage = await start(t);
    const channels = ["private-orders", "private-lobby"];
    await leave(stage, channels);
    const page = await stage.open();
    stage.app.forbid("private-orders");
    page.say("pusher:subscribe", { channel: "private-orders" });
    await page.next("pusher:subscription_error");
    assert.equal(await ask(page), 403);
    await cut(stage, page);
    const back = await stage.open();
    assert.equal(await ask(back), 403);
    assert.equal(await back.enter("private-lobby"), true);
    assert.deepEqual(stage.app.asked(), ["private-orders", "private-orders", "private-orders"]);
  });

  it("Y23: a page of a host that is asked by https, where it came by http itself", async (t) => {
    const stage = await start(t, { POGO_TRUSTED_PROXIES: "127.0.0.1" });
    await leave(stage);
    assert.equal(await ask(await stage.open(), { "X-Forwarded-Proto": "https" }), 200);
    assert.deepEqual(stage.app.asked(), ["private-orders"]);
  });

  for (const fields of [{ Authorization: "Bearer bea" }, { Authorization: undefined }]) {
    const what = fields.Authorization ? "another bearer" : "no bearer any more";
    it(`Y23: a page with a bearer that shows ${what}; with the same one it is not`, async (t) => {
      const stage = await start(t);
      const mine = { Cookie: undefined, Authorization: "Bearer ada" };
      await leave(stage, ["private-orders", "private-other"], mine);
      const back = await stage.open();
      assert.equal(await back.enter("private-other", mine), true);
      await back.post("private-orders", { ...mine, ...fields });
      assert.deepEqual(stage.app.asked(), ["private-orders"]);
    });
  }

  for (const code of [1000, 1001, undefined]) {
    it(`Y23: a page that has left with ${code ?? "a close without a code"}`, async (t) => {
      const stage = await start(t);
      const page = await stage.open();
      await page.enter("private-orders");
      page.socket.close(code);
      await page.closed();
      await stage.sidecar.seriesBecome(active, {});
      stage.app.asked();
      assert.equal(await ask(await stage.open()), 200);
      assert.deepEqual(stage.app.asked(), ["private-orders"]);
    });
  }

  for (const code of [1000, 1001, undefined]) {
    it(`Y23: a page that has left with ${code ?? "a close without a code"} on the way back`, async (t) => {
      const stage = await start(t);
      await leave(stage);
      const onItsWay = await stage.open();
      onItsWay.socket.close(code);
      await onItsWay.closed();
      await stage.sidecar.seriesBecome(active, {});
      assert.equal(await ask(await stage.open()), 200);
      assert.deepEqual(stage.app.asked(), ["private-orders"]);
    });
  }

  it("Y23: a user who was terminated while away, or on the way back", async (t) => {
    for (const isBack of [false, true]) {
      const stage = await start(t);
      await leave(stage, ["private-orders", room]);
      const before = isBack ? await stage.open() : null;
      const path = "users/ada/terminate_connections";
      assert.equal((await stage.sidecar.call(path, { body: {} })).status, 200);
      const back = before ?? (await stage.open());
      for (const channel of ["private-orders", room]) await back.post(channel);
      assert.deepEqual(stage.app.asked(), ["private-orders", room]);
    }
  });

  it("Y23: the next time, a channel that was granted again before its user was terminated", async (t) => {
    const stage = await start(t);
    await leave(stage, ["private-orders", room]);
    const back = await stage.open();
    assert.equal(await back.enter("private-orders"), true);
    const path = "users/ada/terminate_connections";
    assert.equal((await stage.sidecar.call(path, { body: {} })).status, 200);
    await cut(stage, back);
    assert.equal(await ask(await stage.open()), 200);
    assert.deepEqual(stage.app.asked(), ["private-orders"]);
  });

  it("Y23: the next time, a channel that was granted again before it turned out that the page is another user's", async (t) => {
    const stage = await start(t);
    await leave(stage, ["private-orders", room]);
    const back = await stage.open();
    assert.equal(await back.enter("private-orders"), true);
    await back.join(room, signChannel(app, back.socketId, room, { user_id: "bea" }));
    await cut(stage, back);
    assert.equal(await ask(await stage.open()), 200);
    assert.deepEqual(stage.app.asked(), ["private-orders"]);
  });

  it("Y23: somebody who asks with the socket id of a page that is back gains nothing but what that page alone can use", async (t) => {
    const stage = await start(t);
    await leave(stage);
    const back = await stage.open();
    const own = { browser: { recovery: null }, token: randomUUID() };
    const thief = await stage.open(own);
    const { text } = await back.post("private-orders", { Cookie: "session=bea" });
    assert.equal(await thief.subscribe("private-orders", JSON.parse(text)), 403);
    // It is spent, and so the page's own goes to the app.
    assert.equal(await back.enter("private-orders"), false);
  });

  it("Y23: another app's page, whose connection has the same token", async (t) => {
    const granting = await startGrantingApp(t);
    const other = { id: "other-id", key: "other-key", secret: "other-secret" };
    const file = {
      apps: [app, other].map(({ id, key, secret }) => ({ app_id: id, key, secret })),
    };
    const env = { POGO_UPSTREAM: granting.url, POGO_RECOVERY: "all", POGO_RECOVERY_AUTH: "true" };
    const { port, seriesBecome, counted } = await startSidecar(t, env, { file });
    const [browser, token] = [{ recovery: null }, randomUUID()];
    const before = await openPage(t, { port, browser, token });
    await before.enter("private-orders");
    before.terminate();
    await seriesBecome(active, {});
    granting.asked();
    const page = await openPage(t, { port, browser, token, appKey: other.key });
    await page.post("private-orders");
    assert.deepEqual(granting.asked(), ["private-orders"]);
    assert.equal((await counted(outcomes))['app_id="other-id",outcome="answered"'], undefined);
  });
});

describe("a question that is passed on", () => {
  it("Y24: comes to the app byte for byte, whatever it is and in however many pieces", async (t) => {
    const stage = await start(t);
    await leave(stage);
    const { socketId, port } = await stage.open();
    const form = "Content-Type: application/x-www-form-urlencoded\r\n";
    const head = `POST /broadcasting/auth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${form}`;
    const question = `socket_id=${socketId}&channel_name=private-orders`;
    const long = `${question}&padding=${"x".repeat(200_000)}`;
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const sized = (body: string): string => `Content-Length: ${body.length}\r\n\r\n`;
    const cases: readonly (readonly [body: string, pieces: readonly string[]])[] = [
      [question, [head + sized(question) + question]],
      [question, [head + sized(question), ...question.split("")]],
      [`${question}&team=3`, [head + sized(`${question}&team=3`), `${question}&team=3`]],
      [long, [head + sized(long), long.slice(0, 5_000), long.slice(5_000)]],
      [question, [`${head}Transfer-Encoding: chunked\r\n\r\n`, chunk(question), "0\r\n\r\n"]],
      ["", [head + sized("")]],
    ];
    for (const [body, pieces] of cases) {
      const socket = await connectRaw(t, port);
      socket.socket.setNoDelay(true);
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.match(await socket.untilEnd(), /^HTTP\/1\.1 403/);
      assert.deepEqual(stage.app.bodies(), [body]);
    }
  });

  it("Y24: whose client goes before its body has come is asked of nobody, and the next one of its connection waits for it", async (t) => {
    const stage = await start(t, { POGO_ACCESS_LOG: "all" });
    const { socketId, port } = await stage.open();
    const question = `socket_id=${socketId}&channel_name=private-orders`;
    const head = (length: number): string =>
      `POST /broadcasting/auth HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\n`;
    const gone = await connectRaw(t, port);
    gone.write(head(question.length) + question.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 20));
    gone.reset();
    const socket = await connectRaw(t, port);
    socket.write(`${head(question.length)}${question}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    await socket.until(/^HTTP\/1\.1 403[^]*HTTP\/1\.1 403/);
    assert.deepEqual(stage.app.bodies(), [question, ""]);
    const statuses = stage.sidecar.lines.filter(({ path }) => path === "/broadcasting/auth");
    assert.deepEqual(new Set(statuses.map(({ status }) => status)), new Set([403, 499]));
  });

  it("Y24: whose client goes while it waits for the app never comes to it, as without the option", async (t) => {
    const waiting = "pogo_proxy_requests_waiting_for_app";
    for (const POGO_RECOVERY_AUTH of ["false", "true"]) {
      const env = { POGO_UPSTREAM: `http://127.0.0.1:${await freePort()}`, POGO_RECOVERY_AUTH };
      const { sidecar } = await start(t, env);
      const question = "socket_id=1.2&channel_name=private-orders";
      const fields = [
        "Content-Type: application/x-www-form-urlencoded",
        `Content-Length: ${question.length}`,
      ];
      const connecting = Array.from({ length: 20 }, () => connectRaw(t, sidecar.port));
      const clients = await Promise.all(connecting);
      for (const client of clients) {
        client.write(requestOf("POST", "/broadcasting/auth", fields, question));
      }
      await sidecar.seriesBecome(waiting, { "": clients.length });
      for (const { socket } of clients) socket.destroy();
      await sidecar.seriesBecome(waiting, {});
    }
  });
});
