/** The sidecar as a process: how it starts, what its commands say, and how it ends with clients on it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { parseEnv } from "node:util";
import PusherServer from "pusher";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import { httpClient } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { needsScript } from "./support/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectClient, openClient } from "../kit/client.ts";
import { createSigner } from "../kit/sign.ts";
import { repository, runSidecar, startSidecar } from "../kit/process.ts";
import type { Sidecar } from "../kit/process.ts";
import { until, within } from "../../sidecar/testing/eventually.ts";

const app = { id: "123456", key: "process-key", secret: "process-secret" };
const credentials = {
  REVERB_APP_ID: app.id,
  REVERB_APP_KEY: app.key,
  REVERB_APP_SECRET: app.secret,
};
const standAlone = { ...credentials, POGO_UPSTREAM: "none" };

const cleanups: (() => unknown)[] = [];
const scope = { after: (clean: () => unknown) => void cleanups.push(clean) };
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(env: Record<string, string>): Promise<Sidecar> {
  const sidecar = await startSidecar({ env });
  cleanups.push(() => sidecar.stop());
  return sidecar;
}

function publisher(port: number, { id: appId, key, secret } = app): PusherServer {
  return new PusherServer({ appId, key, secret, host: "127.0.0.1", port: String(port) });
}

/** What a command wrote, once it has ended, and its exit code. */
async function run(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; text: string }> {
  const child = runSidecar(args, env);
  const { code } = await child.exited;
  return { code, text: child.lines.join("\n") };
}

describe("stopping", () => {
  test("O04, D4: SIGTERM closes every WebSocket with 4100, and the process ends with 0", async () => {
    const sidecar = await start(standAlone);
    const url = `${sidecar.wsUrl}/app/${app.key}`;
    const connect = () => connectClient(scope, url);
    const clients = await Promise.all([connect(), connect(), connect()]);
    await clients[0].join("news");
    process.kill(sidecar.pid, "SIGTERM");
    for (const client of clients) {
      const closed = await within("the close", client.close);
      assert.deepEqual(closed, { code: 4100, reason: "Server is shutting down" });
    }
    assert.deepEqual(await sidecar.exited, { code: 0, signal: null });
  });

  test("O04: pusher-js goes to the next node at once, and takes its subscriptions along", async () => {
    const [first, second] = [await start(standAlone), await start(standAlone)];
    const address = await balance([first.port, second.port]);
    const page = openEchoPage({ url: address, key: app.key, visitor: httpClient(address) });
    cleanups.push(page.leave);
    const greetings = inbox<{ text: string }>("greeting");
    await subscribed(page.echo.channel("news").listen(".greeting", greetings.take));

    const resubscribed = inbox<object>("the subscription at the second node");
    page.pusher.channel("news").bind("pusher:subscription_succeeded", resubscribed.take);
    await first.stop();
    await resubscribed.next();
    await publisher(second.port).trigger("news", "greeting", { text: "welcome back" });
    assert.deepEqual(await greetings.next(), { text: "welcome back" });
  });

  test("D4: a request in flight is answered to its end, a new connection is refused, then it ends with 0", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const upstream = createServer((_request, response) => {
      response.write("first half, ");
      asked.resolve(response);
    });
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    cleanups.push(() => {
      upstream.closeAllConnections();
      upstream.close();
    });
    const address = upstream.address();
    assert(address !== null && typeof address === "object");
    const sidecar = await start({
      ...credentials,
      POGO_UPSTREAM: `http://127.0.0.1:${address.port}`,
    });
    const answer = await fetch(`${sidecar.url}/slow`);
    const response = await asked.promise;

    process.kill(sidecar.pid, "SIGTERM");
    await drained(sidecar);
    await assert.rejects(fetch(`${sidecar.url}/new`));
    assert.equal((await fetch(`${sidecar.adminUrl}/livez`)).status, 200);
    response.end("second half");
    assert.equal(await answer.text(), "first half, second half");
    assert.deepEqual(await sidecar.exited, { code: 0, signal: null });
  });

  test("D4: what is still open after POGO_SHUTDOWN_TIMEOUT is cut, and the process ends with 0", async () => {
    const sidecar = await start({ ...standAlone, POGO_SHUTDOWN_TIMEOUT: "300ms" });
    const half = connect(sidecar.port, "127.0.0.1");
    half.on("error", () => undefined); // it is cut
    half.write("POST /apps/123456/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{");
    // A later connection's answer: the first one's head has been read.
    await fetch(`${sidecar.url}/up`);
    process.kill(sidecar.pid, "SIGTERM");
    half.resume();
    await within("the cut", once(half, "close"));
    assert.deepEqual(await sidecar.exited, { code: 0, signal: null });
    assert.match(sidecar.lines.join("\n"), /shutdown timeout: cutting what is still open/);
  });
});

describe("npm start", () => {
  /** As a process manager or a terminal starts it: the signals go to npm, or to its whole group. */
  async function npmStart() {
    const [port, adminPort] = [await freePort(), await freePort()];
    const npm = startChild("npm", ["start"], {
      cwd: repository,
      env: {
        ...standAlone,
        POGO_HOST: "127.0.0.1",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(adminPort),
      },
    });
    cleanups.push(() => npm.stop());
    const isReady = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
    await waitUntilUp(npm, isReady);
    const client = await connectClient(scope, `ws://127.0.0.1:${port}/app/${app.key}`);
    return { npm, client };
  }

  test("D4: SIGTERM to npm stops the sidecar in order, before npm ends", async () => {
    const { npm, client } = await npmStart();
    npm.signal("SIGTERM");
    assert.equal((await within("the close", client.close)).code, 4100);
    assert.deepEqual(await npm.exited, { code: 0, signal: null });
    assert.match(npm.lines.at(-1) ?? "", /"msg":"stopped"/);
  });

  for (const [what, signal] of [
    ["Ctrl-C, which the terminal sends", "SIGINT"],
    ["SIGTERM, which a process manager sends to the whole group", "SIGTERM"],
  ] as const) {
    test(`D4: ${what} and npm passes on, counts once`, async () => {
      const { npm, client } = await npmStart();
      process.kill(-npm.pid, signal);
      assert.equal((await within("the close", client.close)).code, 4100);
      assert.deepEqual(await npm.exited, { code: 0, signal: null });
      assert.match(npm.lines.at(-1) ?? "", /"msg":"stopped"/);
    });
  }
});

describe("starting", () => {
  test("a port in use: exit 1 and what to do, and who has the port goes on", async () => {
    const first = await start(standAlone);
    const { code, text } = await run([], {
      ...standAlone,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: String(first.port),
      POGO_ADMIN_PORT: "0",
    });
    assert.equal(code, 1);
    const { level, msg, hint } = JSON.parse(text) as Record<string, string>;
    assert.deepEqual([level, msg], ["fatal", "could not start"]);
    assert.match(hint ?? "", new RegExp(`^port ${first.port} is in use: .* POGO_PORT or --port$`));
    assert.equal((await fetch(`${first.url}/up`)).status, 200);
  });

  test("D8: without credentials and without a terminal: exit 78, naming each that is missing", async () => {
    const { code, text } = await run([], { POGO_UPSTREAM: "none" });
    assert.equal(code, 78);
    assert.match(text, /^The configuration has 3 errors:$/m);
    for (const part of ["ID", "KEY", "SECRET"]) {
      assert.match(text, new RegExp(`^ {2}POGO_APP_${part}: .*REVERB_APP_${part}`, "m"));
    }
  });

  test("D8: with part of the credentials, those that are missing and no others", async () => {
    const { code, text } = await run([], { REVERB_APP_ID: "1", REVERB_APP_SECRET: "s" });
    assert.equal(code, 78);
    assert.match(text, /^ {2}POGO_APP_KEY: /m);
    assert.doesNotMatch(text, /^ {2}POGO_APP_(ID|SECRET): /m);
  });

  test(
    "in a terminal it makes up credentials, and the .env block that it prints is one to work with",
    { skip: needsScript() },
    async () => {
      const port = await freePort();
      const adminPort = await freePort();
      // `script` gives it a terminal; the shell says which process it becomes.
      const terminal = startChild(
        "script",
        ["-qec", `echo "pid $$"; exec ${process.execPath} sidecar/main.ts`, "/dev/null"],
        {
          cwd: repository,
          env: {
            POGO_UPSTREAM: "none",
            POGO_HOST: "127.0.0.1",
            POGO_PORT: String(port),
            POGO_ADMIN_PORT: String(adminPort),
          },
        },
      );
      cleanups.push(() => terminal.stop());
      await waitUntilUp(
        terminal,
        async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok,
      );
      const text = terminal.lines.join("\n");
      assert.match(text, /^No app is configured\. These credentials are for this run/m);
      const block = parseEnv(text.slice(text.indexOf("BROADCAST_CONNECTION="), text.indexOf("{")));
      assert.equal(block["BROADCAST_CONNECTION"], "reverb");
      assert.equal(block["REVERB_HOST"], "127.0.0.1");
      assert.equal(block["REVERB_PORT"], String(port));
      assert.equal(block["REVERB_SCHEME"], "http");
      const madeUp = {
        id: block["REVERB_APP_ID"] ?? "",
        key: block["REVERB_APP_KEY"] ?? "",
        secret: block["REVERB_APP_SECRET"] ?? "",
      };

      const client = await connectClient(scope, `ws://127.0.0.1:${port}/app/${madeUp.key}`);
      await client.join("news");
      await publisher(port, madeUp).trigger("news", "greeting", { text: "it works" });
      assert.deepEqual((await client.next("greeting")).data, { text: "it works" });

      process.kill(Number(/^pid (\d+)/m.exec(text)?.[1]), "SIGTERM");
      assert.equal((await within("the close", client.close)).code, 4100);
      assert.deepEqual(await terminal.exited, { code: 0, signal: null });
    },
  );

  test("C07: a client with another key gets the error and is closed with 4001", async () => {
    const sidecar = await start(standAlone);
    const client = openClient(scope, `${sidecar.wsUrl}/app/another-key`);
    const { data } = await client.next("pusher:error");
    assert.deepEqual(data, { code: 4001, message: "Application does not exist" });
    assert.equal(await client.closed(), 4001);
  });

  test("O01, O03: stand-alone, in Reverb's place: /up is its own, and everything else is 404", async () => {
    const sidecar = await start({ ...standAlone, REVERB_SERVER_PATH: "ws" });
    const up = await fetch(`${sidecar.url}/ws/up`);
    assert.deepEqual([up.status, await up.text()], [200, '{"health":"OK"}']);
    for (const path of ["/", "/up", "/login", "/broadcasting/auth", "/app/process-key"]) {
      assert.equal((await fetch(sidecar.url + path)).status, 404, path);
    }
    await assert.rejects(connectClient(scope, `${sidecar.wsUrl}/app/${app.key}`), /404/);

    // C18: below the prefix everything works, a publisher that signs without it (PHP) included.
    const headers = { Origin: sidecar.url, Cookie: "session=1" };
    const client = await connectClient(scope, `${sidecar.wsUrl}/ws/app/${app.key}`, headers);
    const answer = await client.ask("private-news");
    assert.deepEqual(answer.data, {
      type: "AuthError",
      error: "Connection is unauthorized",
      status: 403,
    });
  });

  test("as in the README: the app's own .env, and the upstream as a flag", async () => {
    const child = startChild(
      process.execPath,
      [
        "sidecar/main.ts",
        "check",
        `--env-file=${join(repository, "test/e2e/laravel/.env")}`,
        "--upstream=http://127.0.0.1:8000",
      ],
      { cwd: repository, env: {} },
    );
    const { code } = await child.exited;
    const text = child.lines.join("\n");
    assert.equal(code, 0, text);
    assert.match(text, /^ {2}app_key +laravel-app-key +REVERB_APP_KEY in \S+\.env$/m);
    assert.match(text, /^ {2}upstream +http:\/\/127\.0\.0\.1:8000\/? +--upstream$/m);
    // REVERB_HOST and REVERB_PORT are where Laravel finds it, not where it listens.
    assert.match(text, /^ {2}port +8080 +default$/m);
  });
});

describe("check", () => {
  test("prints what is in force and where it comes from, and no secret", async () => {
    const { code, text } = await run(["check", "--ping-period=30s"], {
      ...credentials,
      POGO_PORT: "9000",
      REVERB_APP_MAX_MESSAGE_SIZE: "20000",
    });
    assert.equal(code, 0);
    assert.match(text, /^ {2}port +9000 +POGO_PORT$/m);
    assert.match(text, /^ {2}ping_period +30s +--ping-period$/m);
    assert.match(text, /^ {2}max_message_size +20000 +REVERB_APP_MAX_MESSAGE_SIZE$/m);
    assert.match(text, /^ {2}auth_path +\/broadcasting\/auth +default$/m);
    assert.doesNotMatch(text, /process-secret/);
  });

  test("D8: prints every error at once, each with its name and what is allowed", async () => {
    const { code, text } = await run(["check", "--ports=1"], {
      ...credentials,
      POGO_PORT: "70000",
      POGO_PING_PERIOD: "54",
      POGO_MAX_CONECTIONS: "5",
      POGO_UPSTREAM: "ftp://x",
    });
    assert.equal(code, 78);
    assert.match(text, /^The configuration has 5 errors:$/m);
    assert.match(text, /^ {2}--ports: .*--port\b/m);
    assert.match(text, /^ {2}POGO_PORT: "70000" .*65535/m);
    assert.match(text, /^ {2}POGO_PING_PERIOD: "54" .*54s/m);
    assert.match(text, /^ {2}POGO_MAX_CONECTIONS: .*POGO_MAX_CONNECTIONS/m);
    assert.match(text, /^ {2}POGO_UPSTREAM: "ftp:\/\/x" /m);
  });
});

describe("healthcheck", () => {
  test("D9: 0 while the sidecar runs, 0 while it drains, 1 when it is gone", async () => {
    const sidecar = await start({ ...standAlone, POGO_SHUTDOWN_TIMEOUT: "10s" });
    const env = { POGO_ADMIN_PORT: new URL(sidecar.adminUrl).port };
    const alive = await run(["healthcheck"], env);
    assert.deepEqual(alive, { code: 0, text: `alive: ${sidecar.adminUrl}/livez answered 200` });

    // A signed request whose body has not come keeps it draining.
    const half = connect(sidecar.port, "127.0.0.1");
    half.on("error", () => undefined);
    const { target } = createSigner(app)("events", { body: "{}" });
    half.write(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{`);
    await fetch(`${sidecar.url}/up`);
    process.kill(sidecar.pid, "SIGTERM");
    await drained(sidecar);
    assert.equal((await run(["healthcheck"], env)).code, 0);
    half.destroy();
    assert.deepEqual(await sidecar.exited, { code: 0, signal: null });

    const gone = await run(["healthcheck"], env);
    assert.equal(gone.code, 1);
    assert.match(gone.text, /^not alive: .*\(ECONNREFUSED\): start the sidecar/);
  });
});

/** A load balancer: connections go to the first of `ports` that takes them. Resolves with its address. */
async function balance(ports: readonly number[]): Promise<string> {
  const balancer = createTcpServer((client) => {
    const forward = ([port, ...others]: readonly number[]): void => {
      if (port === undefined) return void client.destroy();
      const node = connect(port, "127.0.0.1");
      const next = (): void => forward(others);
      node.once("error", next);
      node.once("connect", () => {
        node.off("error", next);
        node.on("error", () => client.destroy());
        node.pipe(client).pipe(node);
      });
      client.once("close", () => node.destroy());
    };
    client.on("error", () => undefined); // its close follows
    forward(ports);
  });
  balancer.listen(0, "127.0.0.1");
  await once(balancer, "listening");
  cleanups.push(() => balancer.close());
  const address = balancer.address();
  assert(address !== null && typeof address === "object");
  return `http://127.0.0.1:${address.port}`;
}

/** Resolves once it says on its admin port that it wants no new traffic. */
async function drained(sidecar: Sidecar): Promise<void> {
  const isReady = async (): Promise<boolean> => (await fetch(`${sidecar.adminUrl}/readyz`)).ok;
  const deadline = Date.now() + 5_000;
  while (await isReady()) assert(Date.now() < deadline, "it is still ready after 5 s");
}

test("D4: /drain on the admin port ends the process in order, as SIGTERM does", async () => {
  const sidecar = await start({ ...standAlone, POGO_DRAIN_DELAY: "500ms" });
  await connectClient(scope, `${sidecar.wsUrl}/app/${app.key}`);
  assert.equal((await fetch(`${sidecar.adminUrl}/drain`, { method: "POST" })).status, 202);
  const readiness = await fetch(`${sidecar.adminUrl}/readyz`);
  assert.deepEqual([readiness.status, await readiness.text()], [503, "not ready: leaving\n"]);
  // Everything goes on until the delay is over.
  assert.equal((await fetch(`${sidecar.url}/up`)).status, 200);
  assert.equal((await sidecar.exited).code, 0);
});

test(
  "in a terminal Ctrl-C ends it without the drain delay, and says what it waits for",
  { skip: needsScript() },
  async () => {
    const ports = {
      POGO_PORT: String(await freePort()),
      POGO_ADMIN_PORT: String(await freePort()),
    };
    for (const isConnected of [false, true]) {
      const terminal = startChild(
        "script",
        ["-qec", `echo "pid $$"; exec ${process.execPath} sidecar/main.ts`, "/dev/null"],
        {
          cwd: repository,
          env: { ...standAlone, ...ports, POGO_DRAIN_DELAY: "1h", POGO_LOG_FORMAT: "json" },
        },
      );
      cleanups.push(() => terminal.stop());
      const ready = `http://127.0.0.1:${ports.POGO_ADMIN_PORT}/readyz`;
      await waitUntilUp(terminal, async () => (await fetch(ready)).ok);
      if (isConnected) {
        await connectClient(scope, `ws://127.0.0.1:${ports.POGO_PORT}/app/${app.key}`);
      }
      process.kill(Number(/^pid (\d+)/m.exec(terminal.lines.join("\n"))?.[1]), "SIGINT");
      assert.deepEqual(await terminal.exited, { code: 0, signal: null });
      const draining = terminal.lines.find((line) => line.includes('"msg":"draining"')) ?? "";
      assert.match(draining, isConnected ? /"connections":1,/ : /"connections":0,/);
      assert.equal(draining.includes("a second signal (Ctrl-C) ends it at once"), isConnected);
    }
  },
);

describe("the listening socket", () => {
  test("outlives the process: with socket activation five restarts refuse no connection", async () => {
    const port = await freePort();
    const script = join(import.meta.dirname, "support/socket-unit.pl");
    const unit = startChild("perl", [script, `${port}`, process.execPath, "sidecar/main.ts"], {
      cwd: repository,
      env: { ...standAlone, POGO_ADMIN_PORT: String(await freePort()) },
    });
    cleanups.push(() => unit.stop());
    const starts = (): string[] => unit.lines.filter((line) => line.startsWith("started "));
    const listening = (): string[] =>
      unit.lines.filter((line) => line.includes('"msg":"listening"'));
    const hasStarted = (times: number): Promise<boolean> =>
      until(`start ${times}`, () => listening().length >= times, 30_000);

    /** A connection of its own for each request, as many visitors have; they go on through the restarts. */
    const end = new AbortController();
    let answered = 0;
    const failed: unknown[] = [];
    const visit = async (): Promise<void> => {
      while (!end.signal.aborted) {
        try {
          const headers = { Connection: "close" };
          const response = await fetch(`http://127.0.0.1:${port}/up`, { headers });
          assert.equal(await response.text(), '{"health":"OK"}');
          answered += 1;
        } catch (error) {
          failed.push(error);
        }
      }
    };
    await hasStarted(1);
    const visitors = Array.from({ length: 8 }, visit);
    for (let restarts = 1; restarts <= 5; restarts += 1) {
      await hasStarted(restarts);
      // In the midst of them.
      await until("fifty answers", () => answered >= 50 * restarts);
      process.kill(Number(starts().at(-1)?.split(" ")[1]), "SIGTERM");
    }
    await hasStarted(6);
    end.abort();
    await Promise.all(visitors);
    assert.deepEqual(failed, []);
  });

  test("D8: a Unix socket in use: exit 1 and what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pogo-process-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const path = join(folder, "pogo.sock");
    await start({ ...standAlone, POGO_HOST: `unix:${path}` });
    const { code, text } = await run([], {
      ...standAlone,
      POGO_HOST: `unix:${path}`,
      POGO_ADMIN_PORT: String(await freePort()),
    });
    assert.equal(code, 1);
    assert.match(text, /another process listens on .*pogo.sock: stop it, or choose another path/);
  });
});
