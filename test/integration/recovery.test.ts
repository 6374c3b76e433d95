/** What a client missed, over real sockets: who is recognized, and what goes over a restart. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connectClient, type Client } from "../kit/client.ts";
import {
  app,
  readQuestion,
  signedAnswer,
  startApp,
  startSidecar,
  type RunningSidecar,
} from "../kit/start.ts";
import { signChannel } from "../kit/sign.ts";
import { openRaw } from "../hostile/support/raw-handshake.ts";

const origin = "Origin: http://127.0.0.1";

async function temporaryDirectory(test: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "pogo-recovery-"));
  test.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function connect(test: TestContext, { port }: RunningSidecar, token: string): Promise<Client> {
  return connectClient(test, port, {}, { path: `/r/${token}/app/${app.key}` });
}

async function publish(
  sidecar: RunningSidecar,
  channel: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const { status } = await sidecar.call("events", { body: { name, channel, data: "{}" } });
    assert.equal(status, 200);
  }
}

/** Names of what came and was not looked at, up to now. */
async function rest(client: Client): Promise<string[]> {
  await client.roundTrip();
  return client.messages.splice(0).map(({ event }) => event);
}

async function setCookieOf(test: TestContext, sidecar: RunningSidecar, lines: readonly string[]) {
  const { raw } = await openRaw(test, sidecar.port, lines);
  return /^Set-Cookie: (.*)\r$/m.exec(raw.text)?.[1] ?? null;
}

describe("who is recognized", () => {
  it("Y01: a token in the path, which stands in no log", async (t) => {
    const token = randomUUID();
    const sidecar = await startSidecar(
      t,
      { POGO_RECOVERY: "all", POGO_ACCESS_LOG: "all" },
      { logLevel: "trace" },
    );
    const client = await connect(t, sidecar, token);
    await client.subscribe("news");
    client.terminate();
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
    await publish(sidecar, "news", ["one"]);
    const after = await connect(t, sidecar, token);
    await after.join("news");
    assert.deepEqual(await rest(after), ["one"]);
    assert.match(JSON.stringify(sidecar.lines), /\/r\/-\/app\/app-key/);
    assert.ok(!JSON.stringify(sidecar.lines).includes(token));
    assert.ok(!(await sidecar.metrics()).includes(token));
  });

  it("Y02: a page without a token gets a cookie, once, for this path alone", async (t) => {
    const sidecar = await startSidecar(t, { POGO_RECOVERY: "all" });
    const first = await setCookieOf(t, sidecar, [origin]);
    assert.match(
      first ?? "",
      /^pogo_recovery=[\w-]{22}; Path=\/app\/app-key; HttpOnly; SameSite=Lax$/,
    );
    const cookie = `Cookie: a=b; ${first?.split(";")[0]}`;
    assert.equal(await setCookieOf(t, sidecar, [origin, cookie]), null);
    assert.notEqual(await setCookieOf(t, sidecar, [origin]), first);
    assert.notEqual(await setCookieOf(t, sidecar, [origin, "Cookie: pogo_recovery=guess"]), null);
    assert.match((await setCookieOf(t, sidecar, ["Origin: https://127.0.0.1"])) ?? "", /; Secure$/);
    assert.equal(await setCookieOf(t, sidecar, []), null);
  });

  it("Y02: the cookie brings back what its browser missed, and the app does not see it", async (t) => {
    const seen: string[] = [];
    const upstream = await startApp(t, async (req, res) => {
      seen.push(req.headers.cookie ?? "");
      const { socket_id, channel_name } = await readQuestion(req);
      res.end(JSON.stringify(signedAnswer(socket_id, channel_name)));
    });
    const sidecar = await startSidecar(t, { POGO_RECOVERY: "all", POGO_UPSTREAM: upstream });
    const setCookie = await setCookieOf(t, sidecar, [origin]);
    const headers = { Cookie: `laravel_session=x; ${setCookie?.split(";")[0]}` };
    const before = await connectClient(t, sidecar.port, headers);
    await before.join("private-news");
    before.terminate();
    await sidecar.seriesBecome("pogo_websocket_recovery_sessions", { 'app_id="app-id"': 1 });
    await publish(sidecar, "private-news", ["one"]);
    const after = await connectClient(t, sidecar.port, headers);
    await after.join("private-news");
    assert.deepEqual(await rest(after), ["one"]);
    assert.deepEqual(seen, ["laravel_session=x", "laravel_session=x"]);
  });

  it("Y03: off, and orderly where nothing could come of it: the very bytes of the handshake and after it", async (t) => {
    const texts: string[] = [];
    for (const recovery of ["off", "orderly"]) {
      const sidecar = await startSidecar(t, { POGO_RECOVERY: recovery });
      const { raw, subscribe, send } = await openRaw(t, sidecar.port, [origin]);
      await subscribe("news");
      await publish(sidecar, "news", ["one", "two"]);
      send('{"event":"pusher:ping"}');
      await raw.until("pusher:pong");
      // The socket id is random, and so long.
      texts.push(
        raw.text.replace(/\u0081.\{"event":"pusher:connection_established.*?\}"\}/s, "established"),
      );
    }
    const [off, orderly] = texts;
    assert.equal(orderly, off);
    assert.match(off ?? "", /established/);
    const head = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: 5W5MRSfeJlqOSGLyGVFDqDHAWPw=",
      "",
      "",
    ];
    assert.equal(off?.split("\r\n").length, head.length);
    assert.deepEqual(off?.split("\r\n").slice(0, 3), head.slice(0, 3));
    // No ping, whose first byte would be 0x89.
    assert.ok(!off?.includes("\u0089"));
  });
});

describe("positions", () => {
  it("Y18: ride in the write of an event or an answer, which gets no other for them", async (t) => {
    const sidecar = await startSidecar(t, { POGO_RECOVERY: "all" });
    const { raw, subscribe, send } = await openRaw(t, sidecar.port, [origin]);
    const chunks: string[] = [];
    raw.socket.on("data", (chunk: Buffer) => chunks.push(chunk.toString("latin1")));
    await subscribe("news");
    const positionIn = (chunk: string | undefined): string | undefined =>
      /\u0089.(\d+)/s.exec(chunk ?? "")?.[1];
    // A tick lets the next event ask again.
    for (const event of ["first", "second"]) {
      const before = chunks.length;
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assert.equal(chunks.length, before);
      await publish(sidecar, "news", [event]);
      await raw.until(`"${event}"`);
      const chunk = chunks.find((text) => text.includes(`"${event}"`));
      assert.match(positionIn(chunk) ?? "", /^\d+$/);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    send('{"event":"pusher:ping"}');
    await raw.until("pusher:pong");
    assert.match(positionIn(chunks.at(-1)) ?? "", /^\d+$/);
  });
});

describe("a single node's restart, with POGO_RECOVERY_STATE_DIR", () => {
  const file = (directory: string): string => join(directory, "pogo-recovery.json");

  it("Y04, Y05: its clients get what they missed from its successor, each event once", async (t) => {
    const directory = await temporaryDirectory(t);
    const env = { POGO_RECOVERY_STATE_DIR: directory, POGO_SHUTDOWN_TIMEOUT: "2s" };
    const node = await startSidecar(t, env);
    const tokens = [randomUUID(), randomUUID()];
    const member = (socketId: string, id: string) =>
      signChannel(
        app,
        socketId,
        "presence-room",
        JSON.stringify({ user_id: id, user_info: { name: id } }),
      );
    const before = await Promise.all(tokens.map((token) => connect(t, node, token)));
    for (const [index, client] of before.entries()) {
      await client.join("news");
      await client.join("presence-room", member(client.socketId, `user-${index}`));
    }
    await publish(node, "news", ["one", "two"]);
    await before[0]?.next("two");
    const stopped = node.stop();
    assert.equal(await before[0]?.closed(), 4100);
    await stopped;
    assert.ok(!readFileSync(file(directory), "utf8").includes(tokens[0] ?? "?"));
    assert.equal(statSync(file(directory)).mode & 0o777, 0o600);

    const successor = await startSidecar(t, env);
    assert.ok(!existsSync(file(directory)));
    await publish(successor, "news", ["three"]);
    const [token = ""] = tokens;
    const after = await connect(t, successor, token);
    await after.join("news");
    assert.deepEqual(await rest(after), ["three"]);
    // Who is not back yet is a member all the same.
    const { data } = await after.join("presence-room", member(after.socketId, "user-0"));
    assert.deepEqual(Object(data).presence.ids.toSorted(), ["user-0", "user-1"]);
    await publish(successor, "news", ["four"]);
    assert.deepEqual(await rest(after), ["four"]);
  });

  it("Y04: what was published while the successor was on its way, and before, is in the file as it was", async (t) => {
    const directory = await temporaryDirectory(t);
    const env = {
      POGO_RECOVERY_STATE_DIR: directory,
      POGO_DRAIN_WINDOW: "1s",
      POGO_SHUTDOWN_TIMEOUT: "3s",
    };
    const node = await startSidecar(t, env);
    const token = randomUUID();
    // Closes are spread over the window, and this one comes first; until the last one events go on.
    const client = await connect(t, node, token);
    await client.join("news");
    const others = await Promise.all([
      connect(t, node, randomUUID()),
      connect(t, node, randomUUID()),
    ]);
    const stopped = node.stop();
    await client.closed();
    void others;
    await stopped;
    const successor = await startSidecar(t, env);
    const after = await connect(t, successor, token);
    await after.join("news");
    assert.deepEqual(await rest(after), []);
    assert.equal(await successor.sum("pogo_websocket_recovery_gaps_total"), 0);
  });

  it("Y04: a start that fails, since the port is taken, leaves it for the next one", async (t) => {
    const directory = await temporaryDirectory(t);
    const env = { POGO_RECOVERY_STATE_DIR: directory };
    const node = await startSidecar(t, env);
    const token = randomUUID();
    await (await connect(t, node, token)).join("news");
    await node.stop();
    const other = await startSidecar(t);
    await assert.rejects(startSidecar(t, { ...env, POGO_PORT: String(other.port) }));
    assert.ok(existsSync(file(directory)));
    const successor = await startSidecar(t, env);
    assert.ok(!existsSync(file(directory)));
    await publish(successor, "news", ["one"]);
    const after = await connect(t, successor, token);
    await after.join("news");
    assert.deepEqual(await rest(after), ["one"]);
  });

  it("Y04: a file that is damaged, readable to others, or a link is ignored", async (t) => {
    const damage: Record<string, (path: string) => void> = {
      cut: (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, -20)),
      "of another version": (path) =>
        writeFileSync(path, readFileSync(path, "utf8").replace('"version":1', '"version":2')),
      "readable to others": (path) => chmodSync(path, 0o644),
      "a link": (path) => {
        renameSync(path, `${path}.target`);
        symlinkSync(`${path}.target`, path);
      },
    };
    for (const [what, harm] of Object.entries(damage)) {
      const directory = await temporaryDirectory(t);
      const env = { POGO_RECOVERY_STATE_DIR: directory };
      const node = await startSidecar(t, env);
      const token = randomUUID();
      const before = await connect(t, node, token);
      await before.join("news");
      await node.stop();
      harm(file(directory));
      const successor = await startSidecar(t, env);
      const line = successor.lines.find(({ step }) => step === "read");
      assert.match(String(line?.["hint"]), /POGO_RECOVERY_STATE_DIR/, what);
      await publish(successor, "news", ["one"]);
      const after = await connect(t, successor, token);
      await after.join("news");
      assert.deepEqual(await rest(after), [], what);
    }
  });

  it("Y04: a directory that can't be written is said at the start, with the line that mends it, and nothing else is harmed", async (t) => {
    const directory = await temporaryDirectory(t);
    const path = join(directory, "file");
    writeFileSync(path, "");
    for (const [unusable, problem, hint] of [
      [join(directory, "none"), "missing", /mkdir -p -m 700 .*\/none/],
      [path, "no_directory", /is a file/],
    ] as const) {
      const node = await startSidecar(t, { POGO_RECOVERY_STATE_DIR: unusable });
      const [line, ...others] = node.lines.filter(({ level }) => level === 40);
      assert.deepEqual(others, []);
      assert.equal(line?.["directory"], unusable);
      assert.equal(line["problem"], problem);
      assert.match(String(line["hint"]), hint);
      await (await connect(t, node, randomUUID())).join("news");
      await node.stop();
      assert.ok(node.lines.some(({ step, level }) => step === "write" && level === 40));
    }
  });
});
