/** One Echo for everybody who reads: wherever it stands, it takes its address from the page. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadEcho } from "../e2e/matrix/echo-client.ts";
import { loadPusherJs } from "../e2e/matrix/pusher-js-client.ts";
import { inbox } from "../e2e/support/inbox.ts";
import { app, startSidecar } from "../kit/start.ts";
import { echoBlock } from "../../sidecar/cli/echo-block.ts";

const root = join(import.meta.dirname, "../..");

/** Those that show one for the `reverb` broadcaster; a page's key comes from elsewhere in the demo. */
const places = globSync(
  ["*.md", "docs/*.md", "laravel/README.md", "laravel/src/**/*.php", "examples/page.js"],
  {
    cwd: root,
  },
)
  .map((path) => ({ path, echos: echosIn(readFileSync(join(root, path), "utf8")) }))
  .filter(({ echos }) => echos.length > 0);

/** Options that say where to connect, in one spelling. */
const address = echoBlock()
  .split("\n")
  .map(normalise)
  .filter((line) => /^(wsHost|wsPort|wssPort|forceTLS|enabledTransports):/.test(line));

describe("the Echo that is recommended", () => {
  it("stands in the README, the docs, the demo and the package's installer", () => {
    const paths = new Set(places.map(({ path }) => path));
    for (const path of [
      "README.md",
      "docs/authorization.md",
      "examples/page.js",
      "laravel/src/Console/Install/EchoScripts.php",
    ]) {
      assert.ok(paths.has(path), path);
    }
    assert.equal(address.length, 5);
  });

  for (const { path, echos } of places) {
    it(`${path}: connects where the page came from`, () => {
      for (const echo of echos) {
        const lines = new Set(echo.split("\n").map(normalise));
        assert.deepEqual(
          address.filter((line) => !lines.has(line)),
          [],
        );
      }
    });
  }

  it("is what Echo's own types take, for who writes TypeScript", async (test) => {
    const folder = await mkdtemp(join(tmpdir(), "echo-types-"));
    test.after(() => rm(folder, { recursive: true }));
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "echo.ts"), `${globals}${echoBlock()}`);
    const options = ["--strict", "--noEmit", "--skipLibCheck", "--target", "es2022"];
    options.push("--module", "esnext", "--moduleResolution", "bundler", "--types", "");
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options, "echo.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
  });

  it("README.md: is the one that pogo-sidecar env prints", () => {
    const readme = places.find(({ path }) => path === "README.md");
    const [echo = ""] = readme?.echos ?? [];
    assert.deepEqual(
      echo.split("\n").map(normalise),
      echoBlock().split("\n").slice(1, -1).map(normalise),
    );
  });
});

it("who reconnects as the pages say is in all channels again", async (test) => {
  const sidecar = await startSidecar(test);
  const Echo = await loadEcho("laravel-echo");
  const echo = new Echo({
    broadcaster: "reverb",
    key: app.key,
    wsHost: "127.0.0.1",
    wsPort: sidecar.port,
    forceTLS: false,
    enabledTransports: ["ws"],
    Pusher: loadPusherJs("pusher-js") as never,
  });
  const { pusher } = echo.connector;
  const subscriptions = inbox<string | undefined>("a subscription");
  const received = inbox<object>("an event");
  echo
    .channel("news")
    .subscribed(() => subscriptions.take(echo.socketId()))
    .listen(".posted", received.take);
  try {
    const before = await subscriptions.next();
    pusher.disconnect();
    pusher.connect();
    assert.notEqual(await subscriptions.next(), before);
    const data = JSON.stringify({ text: "hello" });
    assert.equal(
      (await sidecar.call("events", { body: { name: "posted", channel: "news", data } })).status,
      200,
    );
    assert.deepEqual(await received.next(), { text: "hello" });
  } finally {
    pusher.disconnect();
  }
});

it("no page says Echo.connect(), which makes a client without channels", () => {
  for (const path of globSync(["*.md", "docs/*.md", "laravel/README.md"], { cwd: root })) {
    const text = readFileSync(join(root, path), "utf8");
    assert.doesNotMatch(text, /^\s*(window\.)?Echo\.(dis)?connect\(\)/m, path);
  }
});

/** What its app declares, and Vite. */
const globals = `
import Echo from "laravel-echo";
import Pusher from "pusher-js";
declare global {
  interface Window { Pusher: typeof Pusher; Echo: Echo<"reverb"> }
  interface ImportMeta { readonly env: Readonly<Record<string, string>> }
}
window.Pusher = Pusher;
`;

/** What stands between the braces of each. */
function echosIn(text: string): readonly string[] {
  return [...text.matchAll(/new Echo(?:\.default)?\(\{\n(.*?)\n\s*\}\);/gs)]
    .map(([, options = ""]) => options)
    .filter((options) => /broadcaster: ["']reverb["']/.test(options));
}

function normalise(line: string): string {
  return line.trim().replaceAll("'", '"');
}
