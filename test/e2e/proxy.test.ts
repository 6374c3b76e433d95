// What a real Laravel app sees through the sidecar, and what comes back; and Vite's dev server behind it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createServer } from "vite";
import type { ViteDevServer } from "vite";
import { WebSocket } from "ws";
import { json } from "./support/http-client.ts";
import { startLaravel } from "./support/laravel.ts";
import type { SeenByPhp } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { freePort } from "./support/ports.ts";
import { startSidecar } from "./support/sidecar.ts";
import type { Sidecar } from "./support/sidecar.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { within } from "./support/within.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("Laravel behind the sidecar", { skip: needsLaravel() }, () => {
  let stack: Stack;
  before(async () => (stack = await startStack()));
  after(() => stack?.stop());

  test("F1, F3, F6: sees the client's host and address, and nothing that the client made up", async () => {
    const visitor = await stack.visitor();
    const seen = await json<SeenByPhp>(
      await visitor.get("/headers?a=1&b=%2e%2e", {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "444",
        Forwarded: "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
      }),
    );
    assert.equal(seen.ip, "127.0.0.1");
    assert.equal(seen.secure, false);
    assert.equal(seen.host, "127.0.0.1");
    assert.equal(seen.port, stack.sidecar.port);
    assert.equal(seen.target, "/headers?a=1&b=%2e%2e");
    assert.deepEqual(seen.headers["x-forwarded-host"], [`127.0.0.1:${stack.sidecar.port}`]);
    for (const name of ["x-forwarded-port", "forwarded", "x-real-ip"]) {
      assert.equal(seen.headers[name], undefined, name);
    }
  });

  test("F2: believes a trusted proxy in front of it", async () => {
    const trusting = await startSidecar({
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "k",
        REVERB_APP_SECRET: "s",
        POGO_UPSTREAM: stack.laravel.url,
        POGO_TRUSTED_PROXIES: "127.0.0.1",
      },
    });
    const answer = await fetch(`${trusting.url}/headers`, {
      headers: {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "app.example",
      },
    });
    const seen = await json<SeenByPhp>(answer);
    await trusting.stop();
    assert.equal(seen.ip, "203.0.113.7");
    assert.equal(seen.url, "https://app.example/headers");
  });

  test("S3, S4: two cookies come one by one, a redirect is relayed", async () => {
    const visitor = await stack.visitor();
    const cookies = (await visitor.get("/cookies")).headers.getSetCookie();
    assert.deepEqual(
      cookies.map((cookie) => cookie.split("=")[0]),
      ["first", "second"],
    );
    const redirect = await visitor.get("/redirect");
    assert.equal(redirect.status, 302);
    const location = redirect.headers.get("location");
    assert.equal(location, `${stack.sidecar.url}/headers?redirected=1`);
  });

  test("P20, S10: an upload and a download arrive byte by byte", async () => {
    const visitor = await stack.visitor();
    const file = randomBytes(1_500_000);
    const form = new FormData();
    form.set("file", new Blob([file], { type: "image/png" }), "picture.png");
    const uploaded = await json<{ bytes: number; sha256: string; name: string }>(
      await visitor.post("/upload", form),
    );
    assert.deepEqual(
      [uploaded.name, uploaded.bytes, uploaded.sha256],
      ["picture.png", file.length, sha256(file)],
    );
    const download = await visitor.get("/download?bytes=5000000");
    const bytes = new Uint8Array(await download.arrayBuffer());
    assert.equal(bytes.length, 5_000_000);
    assert.equal(sha256(bytes), sha256(Buffer.from("0123456789".repeat(500_000))));
  });

  test("S5: HEAD ends without a body", async () => {
    const answer = await fetch(`${stack.sidecar.url}/headers`, { method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "");
  });

  test("S11: events of a stream come as they are sent, headers before the first", async () => {
    const answer = await fetch(`${stack.sidecar.url}/events?count=3&ms=20&delay=50`);
    assert.equal(answer.headers.get("content-type")?.split(";")[0], "text/event-stream");
    assert.equal(await answer.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  });

  test("S1, S2: a client keeps its connection, though php -S closes its own each time", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve, reject) => {
        const { port } = stack.sidecar;
        const req = request({ agent, host: "127.0.0.1", port, path: "/headers" }, (res) => {
          ports.add(req.socket?.localPort);
          res.resume();
          res.on("end", resolve);
        });
        req.on("error", reject);
        req.end();
      });
    }
    agent.destroy();
    assert.equal(ports.size, 1);
  });

  test("R7: /up is Laravel's own", async () => {
    const answer = await fetch(`${stack.sidecar.url}/up`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /Application up/);
  });
});

describe("an app that goes and comes back", { skip: needsLaravel() }, () => {
  test("E1, E8: 502 while it is away, its pages again afterwards", async () => {
    const stack = await startStack();
    await stack.laravel.stop();
    const away = await fetch(`${stack.sidecar.url}/headers`);
    assert.equal(away.status, 502);
    assert.match(await away.text(), /^Bad Gateway: the application did not answer/);
    const { port } = stack.laravel;
    const again = await startLaravel({ sidecarPort: stack.sidecar.port, port });
    assert.equal((await fetch(`${stack.sidecar.url}/headers`)).status, 200);
    await again.stop();
    await stack.sidecar.stop();
  });
});

describe("W8: Vite's dev server behind the sidecar", () => {
  let vite: ViteDevServer;
  let sidecar: Sidecar;
  let root: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "vite-"));
    await writeFile(join(root, "index.html"), '<script type="module" src="/main.js"></script>');
    await writeFile(join(root, "main.js"), 'export const greeting = "one";\n');
    const port = await freePort();
    vite = await createServer({
      root,
      configFile: false,
      logLevel: "error",
      cacheDir: join(root, ".vite"),
      server: { host: "127.0.0.1", port, strictPort: true },
    });
    await vite.listen();
    sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "k",
        REVERB_APP_SECRET: "s",
        POGO_UPSTREAM: `http://127.0.0.1:${port}`,
      },
    });
  });
  after(async () => {
    await sidecar?.stop();
    await vite?.close();
    await rm(root, { recursive: true, force: true });
  });

  test("serves the page, and a change of a file reaches its client over the WebSocket", async () => {
    const page = await (
      await fetch(`${sidecar.url}/`, { headers: { accept: "text/html" } })
    ).text();
    assert.match(page, /@vite\/client/);
    assert.match(await (await fetch(`${sidecar.url}/main.js`)).text(), /"one"/);

    const token = vite.config.webSocketToken;
    const socket = new WebSocket(`${sidecar.wsUrl}/?token=${token}`, "vite-hmr");
    const messages: string[] = [];
    const connected = Promise.withResolvers<void>();
    const reloaded = Promise.withResolvers<void>();
    socket.on("error", (error) => connected.reject(error));
    socket.on("message", (data) => {
      messages.push(String(data));
      const { type } = JSON.parse(String(data));
      if (type === "connected") connected.resolve();
      if (type === "full-reload" || type === "update") reloaded.resolve();
    });
    await within("Vite's hello", connected.promise);
    await writeFile(join(root, "main.js"), 'export const greeting = "two";\n');
    await within(`an update (got ${messages.join()})`, reloaded.promise);
    assert.match(await (await fetch(`${sidecar.url}/main.js?t=1`)).text(), /"two"/);
    socket.close();
  });
});
