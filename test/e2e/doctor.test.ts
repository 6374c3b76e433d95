/** The doctor, with each thing broken on a real Laravel in turn: what it says, and the line that mends it. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startChild } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { startLaravel } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { repository, startSidecar } from "../kit/process.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";

interface Row {
  readonly name: string;
  readonly status: "ok" | "wrong" | "hint" | "skipped";
  readonly text: string;
  readonly fix?: string;
}

describe("pogo-sidecar doctor", { skip: needsLaravel() }, () => {
  let stack: Stack;
  let cookie: string;
  let env: Record<string, string>;
  const folder = mkdtempSync(join(tmpdir(), "pogo-doctor-"));

  before(async () => {
    stack = await startStack();
    cookie = (await stack.visitor(1)).cookieHeader();
    env = {
      REVERB_APP_ID: stack.app.id,
      REVERB_APP_KEY: stack.app.key,
      REVERB_APP_SECRET: stack.app.secret,
      POGO_UPSTREAM: stack.laravel.url,
      POGO_PORT: String(stack.sidecar.port),
      POGO_ADMIN_PORT: new URL(stack.sidecar.adminUrl).port,
    };
  });
  after(async () => {
    await stack?.stop();
    rmSync(folder, { recursive: true });
  });

  async function run(args: readonly string[], changed: Record<string, string> = {}) {
    const child = startChild(
      process.execPath,
      [join(repository, "sidecar/main.ts"), "doctor", ...args],
      { cwd: folder, env: { ...env, ...changed } },
    );
    const { code } = await child.exited;
    return { code, text: child.lines.join("\n") };
  }

  async function findings(args: readonly string[], changed?: Record<string, string>) {
    const { code, text } = await run(["--json", ...args], changed);
    return { code, rows: JSON.parse(text) as Row[] };
  }

  /** What it says about one thing, and that nothing else but what is named is wrong. */
  async function broken(
    name: string,
    pattern: RegExp,
    args: readonly string[],
    changed?: Record<string, string>,
  ): Promise<void> {
    const { code, rows } = await findings(args, changed);
    const found = rows.find((row) => row.name === name);
    assert.equal(found?.status, "wrong", JSON.stringify(rows, null, 1));
    assert.match(`${found.text} → ${found.fix}`, pattern);
    assert.equal(code, 1);
  }

  test("nothing is wrong with an installation that works", async () => {
    const { code, rows } = await findings(["--channel=private-user.1", `--cookie=${cookie}`]);
    assert.deepEqual(
      rows.filter(({ status }) => status === "wrong"),
      [],
    );
    assert.equal(code, 0);
    const isFine = ({ status }: Row): boolean => status === "ok";
    const fine = new Set(rows.filter(isFine).map(({ name }) => name));
    for (const name of ["app", "sidecar", "publishing", "WebSocket", "replayed authorization"]) {
      assert.ok(fine.has(name), name);
    }
  });

  test("for people, a line each; no secret is in it", async () => {
    const { text } = await run([]);
    assert.match(text, /^fine {3}app: http:\/\/127\.0\.0\.1:\d+ answers and is Laravel$/m);
    assert.ok(!text.includes(stack.app.secret));
  });

  test("an app that is down", () =>
    broken("app", /connection refused.*php artisan serve/, [], {
      POGO_UPSTREAM: "http://127.0.0.1:9",
    }));

  const paths: [status: number, path: string, advice: RegExp][] = [
    [404, "/nope", /no such route.*channels: …/],
    [405, "/user", /takes no POST.*POGO_AUTH_PATH/],
    [419, "/broadcast", /CSRF.*validateCsrfTokens/],
  ];
  for (const [status, path, advice] of paths) {
    test(`${status} by the app`, () =>
      broken("authorization of a guest", advice, [], { POGO_AUTH_PATH: path }));
  }

  test("a redirect to a login page, and an answer that is a page", async (t) => {
    const answers = createServer((req, res) => {
      if (req.url === "/login-first") res.writeHead(302, { Location: "/login" });
      res.end("<html>");
    });
    const port = await freePort();
    await new Promise<void>((resolve) => answers.listen(port, "127.0.0.1", resolve));
    t.after(() => answers.close());
    const app = { POGO_UPSTREAM: `http://127.0.0.1:${port}` };
    const name = "authorization of a guest";
    await broken(name, /302: it redirects.*a middleware that redirects/, [], {
      ...app,
      POGO_AUTH_PATH: "/login-first",
    });
    await broken(name, /a page, not JSON.*BROADCAST_CONNECTION=reverb/, [], app);
  });

  const asVisitor = (channel: string): string[] => [`--channel=${channel}`, `--cookie=${cookie}`];

  test("a callback that says no, and a guest", async () => {
    const name = "replayed authorization";
    await broken(name, /403.*callback for "denied"/, asVisitor("private-denied"));
    await broken(name, /403 to a guest.*--cookie/, ["--channel=private-user.1"]);
  });

  test("a callback that fails", () =>
    broken("replayed authorization", /500.*storage\/logs/, asVisitor("private-orders.abc")));

  test("maintenance mode", async (t) => {
    await stack.laravel.artisan("down");
    t.after(() => stack.laravel.artisan("up"));
    await broken("replayed authorization", /maintenance.*artisan up/, asVisitor("private-user.1"));
  });

  const apps: [title: string, changed: Record<string, string>, advice: RegExp][] = [
    ["the log driver", { BROADCAST_CONNECTION: "log" }, /BROADCAST_CONNECTION=reverb/],
    ["another key", { REVERB_APP_KEY: "other-key" }, /signs with the key other-key/],
    ["another secret", { REVERB_APP_SECRET: "other" }, /another secret.*REVERB_APP_SECRET/],
  ];
  for (const [title, changed, advice] of apps) {
    test(`an app with ${title}`, async (t) => {
      const other = await startLaravel({ sidecarPort: stack.sidecar.port, env: changed });
      t.after(() => other.stop());
      const login = await fetch(`${other.url}/login/1`, { redirect: "manual" });
      const session = login.headers.getSetCookie().map((field) => field.split(";")[0]);
      const args = ["--channel=private-user.1", `--cookie=${session.join("; ")}`];
      await broken("replayed authorization", advice, args, { POGO_UPSTREAM: other.url });
    });
  }

  test("a sidecar that does not run", () =>
    broken("sidecar", /does not run.*start it/, [], {
      POGO_PORT: "0",
      POGO_ADMIN_PORT: "9",
      REVERB_SCHEME: "http",
      REVERB_HOST: "127.0.0.1",
      REVERB_PORT: String(stack.sidecar.port),
    }));

  test("a REVERB_PORT at which nothing listens", async () => {
    const port = await freePort();
    const advice = new RegExp(
      `:${port}: connection refused: nothing listens there → .*REVERB_PORT=${stack.sidecar.port},`,
    );
    const changed = {
      REVERB_SCHEME: "http",
      REVERB_HOST: "127.0.0.1",
      REVERB_PORT: String(port),
    };
    await broken("publishing", advice, [], changed);
    const { rows } = await findings([], changed);
    for (const name of ["WebSocket", "proxies in front", "clock"]) {
      const row = rows.find((found) => found.name === name);
      assert.deepEqual([row?.status, row?.text], ["skipped", "waits for: publishing"], name);
    }
  });

  for (const [changed, pattern] of [
    [
      { REVERB_HOST: "https://app.example.com" },
      /REVERB_HOST=https:\/\/app\.example\.com.* → .*REVERB_HOST=app\.example\.com/,
    ],
    [{ REVERB_HOST: "localhost:8080" }, / → .*REVERB_HOST=localhost\b/],
    [{ REVERB_SCHEME: "wss" }, /REVERB_SCHEME=wss.* → .*REVERB_SCHEME=https/],
    [{ REVERB_PORT: "http" }, /REVERB_PORT=http.* → .*REVERB_PORT=\d+/],
  ] as const) {
    test(`an address that Laravel can't publish to: ${JSON.stringify(changed)}`, async () => {
      const usable = {
        REVERB_SCHEME: "http",
        REVERB_HOST: "127.0.0.1",
        REVERB_PORT: String(stack.sidecar.port),
      };
      await broken("address", pattern, [], { ...usable, ...changed });
      const { rows } = await findings([], { ...usable, ...changed });
      const publishing = rows.find(({ name }) => name === "publishing");
      assert.deepEqual([publishing?.status, publishing?.text], ["skipped", "waits for: address"]);
    });
  }

  test("no REVERB_SCHEME, which is https to Laravel", () =>
    broken("publishing", /does not speak TLS there → .*REVERB_SCHEME/, [], {
      REVERB_HOST: "127.0.0.1",
      REVERB_PORT: String(stack.sidecar.port),
    }));

  test("another sidecar at the address: other secret, other key, other id", async (t) => {
    const start = async (changed: Record<string, string>) => {
      const { REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET } = env;
      const credentials = { REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET };
      const other = await startSidecar({
        env: { ...(credentials as Record<string, string>), POGO_UPSTREAM: "none", ...changed },
      });
      t.after(() => other.stop());
      return `--url=${other.url}`;
    };
    const secret = await start({ REVERB_APP_SECRET: "another" });
    await broken("publishing", /refuses the signature \(401\)/, [secret]);
    const id = await start({ REVERB_APP_ID: "7" });
    await broken("publishing", /not found \(404\)/, [id]);
  });

  test("an origin that is not allowed", async (t) => {
    const other = await startSidecar({
      env: {
        REVERB_APP_ID: stack.app.id,
        REVERB_APP_KEY: stack.app.key,
        REVERB_APP_SECRET: stack.app.secret,
        REVERB_ALLOWED_ORIGINS: "app.example.com",
        POGO_UPSTREAM: "none",
      },
    });
    t.after(() => other.stop());
    await broken("WebSocket", /origin .* not allowed.*REVERB_ALLOWED_ORIGINS/, [
      `--url=${other.url}`,
    ]);
  });

  test("a proxy in front that passes no Upgrade on, and is not trusted", async (t) => {
    const front = createServer((req, res) => {
      const { method, headers } = req;
      const target = `${stack.sidecar.url}${req.url}`;
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => {
        const body = method === "POST" ? { body: Buffer.concat(chunks) } : {};
        const type = { "Content-Type": headers["content-type"] ?? "text/plain" };
        void fetch(target, { method: method ?? "GET", headers: type, ...body }).then(
          async (answer) => res.writeHead(answer.status).end(await answer.text()),
        );
      });
    });
    const port = await freePort();
    await new Promise<void>((resolve) => front.listen(port, "127.0.0.1", resolve));
    t.after(() => front.close());
    const url = `--url=http://127.0.0.1:${port}`;
    await broken("WebSocket", /does not pass Upgrade on. nginx: proxy_http_version 1.1/, [url]);
    const { rows } = await findings([url]);
    const proxies = rows.find(({ name }) => name === "proxies in front");
    assert.match(proxies?.fix ?? "", /POGO_TRUSTED_PROXIES/);
  });

  test("credentials, broadcaster and built pages in the app's folder", async (t) => {
    const put = (path: string, text: string): void => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
      t.after(() => rmSync(join(folder, path)));
    };
    put(
      ".env",
      "REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=hush\nBROADCAST_CONNECTION=log\n",
    );
    put("public/build/manifest.json", '{"a": {"file": "assets/app.js"}}');
    put("public/build/assets/app.js", "pusher;key:'another-key'");
    const { rows } = await findings([]);
    const advice = Object.fromEntries(rows.map(({ name, text, fix }) => [name, `${text} ${fix}`]));
    assert.match(advice[".env"] ?? "", /REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET/);
    assert.ok(!JSON.stringify(rows).includes("hush"));
    assert.match(advice["broadcaster"] ?? "", /BROADCAST_CONNECTION=reverb/);
    assert.match(advice["front end"] ?? "", /npm run build/);
  });

  test("an app without the package that Laravel publishes with", async (t) => {
    writeFileSync(join(folder, ".env"), "BROADCAST_CONNECTION=reverb\n");
    mkdirSync(join(folder, "vendor/composer"), { recursive: true });
    writeFileSync(join(folder, "vendor/composer/installed.json"), '{"packages": []}');
    t.after(() => rmSync(join(folder, ".env")));
    t.after(() => rmSync(join(folder, "vendor"), { recursive: true }));
    await broken("broadcaster", /composer require pusher\/pusher-php-server/, []);
  });

  test("Redis that is not there, and one that may drop what is stored", async (t) => {
    const scaling = { REVERB_SCALING_ENABLED: "true", REDIS_HOST: "127.0.0.1" };
    await broken("Redis", /connection refused: nothing listens there.*POGO_REDIS_HOST/, [], {
      ...scaling,
      REDIS_PORT: "9",
    });
    const redis = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
    t.after(() => redis.stop());
    await broken("Redis", /allkeys-lru.*noeviction/, [], {
      ...scaling,
      REDIS_PORT: String(redis.port),
    });
  });

  test("a configuration that can't be used: exit 78, and what is wrong with it", async () => {
    const { code, text } = await run([], { POGO_PORT: "eighty" });
    assert.equal(code, 78);
    assert.match(text, /POGO_PORT/);
  });
});
