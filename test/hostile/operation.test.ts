/** What hostile clients try on webhooks, logs, metrics and the admin port, against a whole sidecar: rows of its table of attacks. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { send } from "../../sidecar/testing/http-api.ts";
import { createSigner } from "../kit/sign.ts";
import { connectRaw, listen, parseMessage } from "../../sidecar/testing/raw-http.ts";
import { connectClient } from "../kit/client.ts";
import { app, signedAnswer, startSidecar } from "../kit/start.ts";
import { sign } from "../../sidecar/core/signature.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";

const signApi = createSigner(app);

/** An endpoint that answers nothing until it is opened. */
async function startHook(test: TestContext) {
  const events: { name: string; user_id?: string }[] = [];
  const opened = Promise.withResolvers<void>();
  const server = createServer((req, res) => void take(req, res));
  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readText(req);
    await opened.promise;
    events.push(...JSON.parse(body).events);
    res.end();
  }
  const port = await listen(test, server);
  return { url: `http://127.0.0.1:${port}/hook`, events, open: opened.resolve };
}

function member(socketId: string, channel: string, userId: string): Record<string, string> {
  const channel_data = JSON.stringify({ user_id: userId });
  const signature = sign(app.secret, `${socketId}:${channel}:${channel_data}`);
  return { auth: `${app.key}:${signature}`, channel_data };
}

describe("row 98: webhooks under a flood", () => {
  it("members reach the app though one anonymous client occupies fresh channels and misses caches all the while", async (test) => {
    const hook = await startHook(test);
    const sidecar = await startSidecar(test, {
      POGO_WEBHOOK_URL: hook.url,
      POGO_WEBHOOK_QUEUE_SIZE: "200",
      POGO_WEBHOOK_GRACE: "0",
      POGO_SHUTDOWN_TIMEOUT: "200ms",
    });
    const attacker = await connectClient(test, sidecar.port);
    const flood = async (from: number): Promise<void> => {
      for (let index = from; index < from + 300; index += 1) {
        attacker.say("pusher:subscribe", { channel: `cache-${index}` });
      }
      await attacker.subscribe(`end-of-${from}`);
    };
    await flood(0);
    for (let user = 0; user < 20; user += 1) {
      const client = await connectClient(test, sidecar.port);
      const { socket_id } = client.established;
      await client.subscribe("presence-room", member(socket_id, "presence-room", String(user)));
    }
    await flood(300);
    hook.open();
    const joined = (): (string | undefined)[] =>
      hook.events.flatMap(({ name, user_id }) => (name === "member_added" ? user_id : []));
    await waitFor(
      () => joined().length === 20,
      () => `20 members in ${joined().length}`,
    );
    assert.deepEqual(
      joined(),
      Array.from({ length: 20 }, (_, user) => String(user)),
    );
    const dropped = await sidecar.series("pogo_websocket_webhook_dropped_total");
    assert.ok(Object.keys(dropped).some((labels) => labels.includes("queue_full")));
  });
});

describe("rows 99 to 102, 106: what is logged and measured", () => {
  const secrets = ["c00kie", "s1gnature", "qu3ry", "h00k", "t0ken"];
  /** `debug` is there to show names; `trace` what clients and the app send to each other. */
  const hiddenAt = {
    info: [...secrets, "b0dy", "us3r", "3vent", "chann3l"],
    debug: [...secrets, "b0dy", "us3r"],
    trace: secrets,
  } as const;
  for (const logLevel of ["info", "debug", "trace"] as const) {
    it(`at ${logLevel} none of ${hiddenAt[logLevel].join(", ")}, however requests fail`, (test) =>
      failInEveryWay(test, logLevel));
  }

  async function failInEveryWay(test: TestContext, logLevel: keyof typeof hiddenAt): Promise<void> {
    const hook = await startHook(test);
    const webhook = `http://us3r:h00k@127.0.0.1:${new URL(hook.url).port}/h00k?h00k`;
    const env = { POGO_WEBHOOK_URL: webhook, POGO_SHUTDOWN_TIMEOUT: "200ms" };
    const sidecar = await startSidecar(test, env, { logLevel });
    const client = await connectClient(test, sidecar.port, {
      Cookie: "session=c00kie",
      Authorization: "Bearer t0ken",
    });
    await client.subscribe("chann3l");
    assert.equal(await client.subscribe("private-chann3l", { auth: `${app.key}:s1gnature` }), 403);
    assert.equal(
      await client.subscribe(
        "private-chann3l",
        signedAnswer(client.established.socket_id, "private-chann3l"),
      ),
      200,
    );
    client.say("client-3vent", { b0dy: "b0dy" }, "private-chann3l");
    client.say("pusher:signin", { auth: "s1gnature", user_data: '{"id":"us3r"}' });
    client.socket.send("b0dy");
    for (const secret of [app.secret, "wrong"]) {
      const { target, body } = signApi("events", {
        body: { name: "3vent", channel: "chann3l", data: "b0dy" },
        query: { x: "qu3ry" },
        secret,
      });
      await send(sidecar.port, "POST", target, body);
      await send(sidecar.port, "POST", target.replace("auth_key=", "auth_key=s1gnature"), "b0dy");
    }
    await send(sidecar.port, "GET", "/page?qu3ry", "");
    const metrics = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
    const health = await (await fetch(`${sidecar.adminUrl}/pogo/health`)).text();
    const shown = [JSON.stringify(sidecar.lines), metrics, health].join("\n");
    for (const word of [...hiddenAt[logLevel], app.secret]) assert.ok(!shown.includes(word), word);
    assert.ok(
      !shown.includes(import.meta.dirname.split("/test/")[0] ?? "-"),
      "no path of the machine",
    );
  }

  it("thousands of bad messages, requests and signatures log a few lines and no new series", async (test) => {
    const sidecar = await startSidecar(test, {});
    /** Of the sidecar's own; those of Node come with what the process happens to have open. */
    const allSeries = async (): Promise<readonly string[]> => {
      const text = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
      return text.split("\n").flatMap((line) => /^(pogo_.*) \S+$/.exec(line)?.[1] ?? []);
    };
    const client = await connectClient(test, sidecar.port);
    const bad = async (from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index += 1) {
        client.socket.send(`{"event":"pusher:x${index}"}`);
        client.say("pusher:subscribe", { channel: `private-${index}`, auth: `k${index}:0` });
        if (index % 10 !== 0) continue;
        const { target, body } = signApi(`channels/c${index}`, { secret: "wrong" });
        await send(sidecar.port, "GET", target, body);
        const unsigned = target.replace(/auth_key=[^&]*/, `auth_key=${"k".repeat(100)}${index}`);
        await send(sidecar.port, index % 20 === 0 ? "GET" : "PUT", unsigned, body);
      }
      client.say("pusher:subscribe", { channel: `end-${to}` });
      await client.next("pusher_internal:subscription_succeeded");
    };
    await bad(0, 30);
    const series = await allSeries();
    const lines = sidecar.lines.length;
    await bad(30, 1_000);
    assert.deepEqual(await allSeries(), series);
    const logged = sidecar.lines.slice(lines).filter(({ level }) => Number(level) > 20);
    const requests = logged.filter(({ msg }) => msg === "request");
    assert.ok(requests.length < 30, `${requests.length} lines of the access log`);
    assert.ok(logged.length - requests.length < 25, `${logged.length - requests.length} others`);
    for (const line of sidecar.lines) {
      assert.ok(!/k{65}/.test(JSON.stringify(line)), "of a foreign key 64 characters at most");
    }
  });
});

describe("rows 103, 104: the admin port", () => {
  it("has its pages and no others, for reading; none of them is on the public port", async (test) => {
    const sidecar = await startSidecar(test, {});
    const { port } = new URL(sidecar.adminUrl);
    const ask = async (at: number, method: string, target: string, lines: string[] = []) => {
      const client = await connectRaw(test, at);
      const fields = ["Host: 127.0.0.1", "Connection: close", ...lines].join("\r\n");
      client.write(`${method} ${target} HTTP/1.1\r\n${fields}\r\n\r\n`);
      return parseMessage(await client.untilEnd()).status;
    };
    for (const target of [
      "/console",
      "/console/",
      "/console/__proto__",
      "/console/../metrics",
      "/console/page/index.html",
      "/console/..%2fconsole.ts",
      "/__proto__",
      "/constructor",
      "/toString",
      "/..%2fmetrics",
      "/./metrics",
      "//metrics",
      "/metrics/",
      "/METRICS",
      "/%6detrics",
      "/debug/pprof",
      `/apps/${app.id}/channels`,
      `/app/${app.key}`,
    ]) {
      assert.equal(await ask(Number(port), "GET", target), 404, target);
    }
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      assert.equal(await ask(Number(port), method, "/metrics"), 405, method);
    }
    const upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA"];
    assert.equal(await ask(Number(port), "GET", "/metrics", upgrade), 200);
    for (const page of [
      "/metrics",
      "/livez",
      "/readyz",
      "/pogo/health",
      "/drain",
      "/hold",
      "/",
      "/console/stream",
    ]) {
      assert.equal(await ask(sidecar.port, "GET", page), 404, page);
      assert.equal(await ask(sidecar.port, "POST", page), 404, page);
    }
  });

  it("answers no host that was rebound to it", async (test) => {
    const { adminUrl } = await startSidecar(test, {});
    const client = await connectRaw(test, Number(new URL(adminUrl).port));
    client.write("GET /metrics HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
    const { status, body } = parseMessage(await client.untilEnd());
    assert.equal(status, 421);
    assert.match(body, /POGO_ADMIN_ALLOWED_HOSTS/);
  });
});
