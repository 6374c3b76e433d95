/** docs/recipes.md, as it stands but for folders, ports and certificates, with the programs that it is about. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import type { Child } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectClient } from "../kit/client.ts";
import { repository } from "../kit/process.ts";
import { needsCompose, readCompose } from "../deploy/compose-config.ts";
import { at } from "../deploy/documents.ts";
import type { SeenByPhp, ServedApp } from "./support/laravel.ts";
import { needsCommands, needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";

const page = readFileSync(join(repository, "docs/recipes.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "recipes-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The block of that language, with each of these texts put in place of another; fails where one is not in it. */
function recipe(language: string, changes: readonly (readonly [string, string])[]): string {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(page)?.[1] ?? "";
  return changes.reduce((changed, [from, to]) => {
    assert.ok(changed.includes(from), `${from} is not in the ${language} block`);
    return changed.replaceAll(from, to);
  }, block);
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Debian's has the version in its name, which the machine's PHP tells. */
const { stdout: version } = spawnSync(
  "php",
  ["-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"],
  { encoding: "utf8" },
);
const fpmCommand = `php-fpm${version}`;

describe(
  "nginx and PHP-FPM",
  { skip: needsLaravel() || needsCommands("nginx", "openssl", fpmCommand) },
  () => {
    const children: Child[] = [];
    let stack: Stack;
    let publicPort = 0;

    before(async () => {
      publicPort = await freePort();
      const key = join(folder, "app.key");
      const certificate = join(folder, "app.pem");
      const subject = ["-subj", "/CN=app.example.com", "-days", "2"];
      const keys = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate];
      spawnSync("openssl", ["req", "-x509", ...keys, ...subject]);
      // The sidecar's port is known to the app before the sidecar has it.
      const sidecarPort = await freePort();
      const serve = (app: ServedApp): Child => {
        const socket = join(folder, "fpm.sock");
        children.push(startFpm(app, socket));
        return startNginx(
          recipe("nginx", [
            ["listen 443 ssl", `listen 127.0.0.1:${publicPort} ssl`],
            ["/etc/ssl/app.pem", certificate],
            ["/etc/ssl/app.key", key],
            ["127.0.0.1:8080", `127.0.0.1:${sidecarPort}`],
            ["127.0.0.1:8000", `127.0.0.1:${app.port}`],
            ["/var/www/app/public", join(app.folder, "public")],
            ["/run/php/php8.4-fpm.sock", socket],
          ]),
        );
      };
      stack = await startStack(
        { POGO_PORT: String(sidecarPort), POGO_TRUSTED_PROXIES: "127.0.0.1" },
        {
          serve,
          env: { APP_URL: `https://app.example.com:${publicPort}` },
        },
      );
    });

    after(async () => {
      await stack?.stop();
      for (const child of children) await child.stop();
    });

    /** As a browser would ask `app.example.com`. */
    function ask(path: string, headers: Record<string, string> = {}, body = "") {
      const { promise, resolve, reject } = Promise.withResolvers<{
        status: number;
        cookies: readonly string[];
        body: string;
      }>();
      const request = httpsRequest(
        { port: publicPort, path, method: body === "" ? "GET" : "POST", rejectUnauthorized: false },
        (response) => {
          const { statusCode: status = 0, headers: fields } = response;
          const cookies = fields["set-cookie"] ?? [];
          text(response).then((answer) => resolve({ status, cookies, body: answer }), reject);
        },
      );
      for (const [name, value] of Object.entries({
        host: `app.example.com:${publicPort}`,
        ...headers,
      })) {
        request.setHeader(name, value);
      }
      request.once("error", reject);
      request.end(body);
      return promise;
    }

    test("PHP sees the visitor's scheme, host and address, and nothing that the visitor made up", async () => {
      const { status, body } = await ask("/headers?a=1", {
        "x-forwarded-prefix": "/evil",
        "x-forwarded-host": "evil.example.com",
        "x-forwarded-proto": "http",
      });
      assert.equal(status, 200, body);
      const seen = JSON.parse(body) as SeenByPhp;
      assert.equal(seen.url, `https://app.example.com:${publicPort}/headers?a=1`);
      assert.deepEqual([seen.secure, seen.ip], [true, "127.0.0.1"]);
    });

    test("an upload above nginx's own limit arrives whole", async () => {
      const { status, body } = await ask("/headers", {}, "x".repeat(5_000_000));
      assert.equal(status, 200, body);
      assert.equal((JSON.parse(body) as SeenByPhp).body.bytes, 5_000_000);
    });

    test("a private channel is authorized by PHP-FPM with the visitor's cookies, and gets what PHP broadcasts", async (t) => {
      const { cookies } = await ask("/login/1", { accept: "application/json" });
      const cookie = cookies.map((line) => line.split(";")[0]).join("; ");
      const origin = `https://app.example.com:${publicPort}`;
      const client = await connectClient(
        t,
        `wss://127.0.0.1:${publicPort}/app/${stack.app.key}`,
        { cookie, host: `app.example.com:${publicPort}`, origin },
        { rejectUnauthorized: false },
      );
      await client.join("private-room.1");
      const visitor = await stack.visitor(1);
      await broadcast(visitor, { kind: "private", channel: "room.1", text: "by FPM" });
      const { data } = await client.next("App\\Events\\MessageSent");
      assert.match(JSON.stringify(data), /by FPM/);
    });
  },
);

/** PHP-FPM with one pool, in the foreground, with the environment of the app. */
function startFpm({ folder: cwd, env }: ServedApp, socket: string): Child {
  const config = write(
    "fpm.conf",
    `[global]\nerror_log = ${join(folder, "fpm.log")}\ndaemonize = no\n[www]\nlisten = ${socket}\npm = static\npm.max_children = 4\nclear_env = no\ncatch_workers_output = yes\n${process.getuid?.() === 0 ? "user = root\n" : ""}`,
  );
  const asRoot = process.getuid?.() === 0 ? ["--allow-to-run-as-root"] : [];
  return startChild(fpmCommand, ["--nodaemonize", ...asRoot, "--fpm-config", config], {
    cwd,
    env,
  });
}

/** nginx with these blocks within `http`, in the foreground. */
function startNginx(blocks: string): Child {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const config = write(
    "nginx.conf",
    `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;\npid ${join(folder, "nginx.pid")};\nerror_log stderr;\nevents {}\nhttp {\n${paths.join("\n")}\naccess_log off;\ninclude /etc/nginx/mime.types;\n${blocks.replaceAll("include fastcgi_params", "include /etc/nginx/fastcgi_params")}\n}\n`,
  );
  return startChild("nginx", ["-c", config, "-p", folder], { cwd: folder, env: {} });
}

describe("Supervisor", { skip: needsCommands("supervisord", "supervisorctl") }, () => {
  test("starts it, starts it again when it is killed, and stops it in order", async (t) => {
    const [port, admin] = [await freePort(), await freePort()];
    const log = join(folder, "sidecar.log");
    const program = recipe("ini", [
      ["command=pogo-sidecar", `command=${process.execPath} sidecar/main.ts`],
      ["directory=/var/www/app", `directory=${repository}`],
      ["user=www-data\n", ""],
      ["/var/log/pogo-sidecar.log", log],
    ]);
    const socket = join(folder, "supervisor.sock");
    const config = write(
      "supervisord.conf",
      `[supervisord]\nnodaemon=true\npidfile=${join(folder, "supervisord.pid")}\nlogfile=/dev/null\nlogfile_maxbytes=0\n[unix_http_server]\nfile=${socket}\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix://${socket}\n${program}`,
    );
    const supervisor = startChild("supervisord", ["-c", config], {
      cwd: folder,
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "key",
        REVERB_APP_SECRET: "secret",
        POGO_UPSTREAM: "none",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(admin),
      },
    });
    t.after(() => supervisor.stop());
    const control = (...args: string[]): string =>
      spawnSync("supervisorctl", ["-c", config, ...args], { encoding: "utf8" }).stdout;
    const untilReady = () =>
      waitUntilUp(supervisor, async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    await untilReady();
    const pid = Number(control("pid", "pogo-sidecar"));
    process.kill(pid, "SIGKILL");
    await waitUntilUp(supervisor, async () => {
      const next = Number(control("pid", "pogo-sidecar"));
      return next > 0 && next !== pid;
    });
    await untilReady();

    const client = await connectClient(t, `ws://127.0.0.1:${port}/app/key`);
    assert.match(control("stop", "pogo-sidecar"), /pogo-sidecar: stopped/);
    assert.equal((await client.close).code, 4100);
    assert.match(readFileSync(log, "utf8"), /"msg":"stopped"/);
  });
});

test(
  "Sail: beside its service the sidecar has the app's port, its .env and its network, and asks it by name",
  { skip: needsCompose },
  () => {
    const laravelPage = readFileSync(join(repository, "docs/laravel.md"), "utf8");
    const [, service = ""] = /^### Sail$.*?^```yaml\n(.*?)^```/ms.exec(laravelPage) ?? [];
    // As `sail:install` writes it, without the port that the page has taken out.
    const file = write(
      "sail.yaml",
      `services:\n    laravel.test:\n        image: 'sail-8.4/app'\n        networks:\n            - sail\n${service}networks:\n    sail:\n        driver: bridge\n`,
    );
    const config = readCompose(file, { HOME: folder, APP_PORT: "8888" });
    assert.ok(config.ok, JSON.stringify(config));
    const sidecar = at(config.document, "services", "sidecar");
    assert.equal(at(sidecar, "ports", 0, "published"), "8888");
    assert.equal(at(sidecar, "ports", 0, "target"), 8080);
    assert.equal(at(sidecar, "volumes", 0, "target"), "/app/.env");
    assert.equal(at(sidecar, "environment", "POGO_UPSTREAM"), "http://laravel.test");
    assert.deepEqual(Object.keys(Object(at(sidecar, "networks"))), ["sail"]);
    assert.match(String(at(sidecar, "image")), /^ghcr\.io\/pogo-sidecar\/pogo-sidecar:\d/);
  },
);
