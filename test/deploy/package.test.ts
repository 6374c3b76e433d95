/** What `npm pack` makes of a fresh clone: a package that runs, and nothing in it that is for us alone. */

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { neededNode } from "../../sidecar/cli/node-version.ts";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { lacking } from "../../sidecar/testing/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { nodeOf } from "../kit/nodes.ts";

const root = join(import.meta.dirname, "../..");
const { version, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  engines: { node: string };
};

/** A clone without what Git ignores, `dist` above all; and beside it the package, unpacked. */
let folder = "";
let packed = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "pack-"));
  const clone = join(folder, "clone");
  for (const name of ["sidecar", "README.md", "LICENSE", ".gitignore"]) copy(name);
  for (const name of globSync("*.json", { cwd: root })) copy(name);
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  const archive = run("npm", ["pack", "--silent"], clone).trim();
  run("tar", ["-xzf", join(clone, archive)], folder);
  packed = join(folder, "package");

  function copy(name: string): void {
    cpSync(join(root, name), join(clone, name), { recursive: true });
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("D18: npm pack builds, and packs what runs: every source file's JavaScript, the console's page, no test, no types", () => {
  const isForTests = (path: string): boolean => /\.test\.ts$|(^|\/)testing\//.test(path);
  const sources = globSync("**/*.ts", { cwd: join(root, "sidecar") }).filter(
    (path) => !isForTests(path),
  );
  const compiled = sources.map((path) => join("dist", path.replace(/\.ts$/, ".js")));
  const page = globSync("console/page/*", { cwd: join(root, "sidecar") });
  assert.ok(page.length > 10, "the console's page is copied as it is");
  const files = globSync("**/*", { cwd: packed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packed.length + 1));
  assert.deepEqual(
    files.toSorted(),
    [
      ...compiled,
      ...page.map((path) => join("dist", path)),
      "package.json",
      "README.md",
      "LICENSE",
    ].toSorted(),
  );
});

test("D18: what is packed runs", () => {
  symlinkSync(join(root, "node_modules"), join(packed, "node_modules"));
  assert.equal(run(process.execPath, ["dist/main.js", "version"], packed), `${version}\n`);
});

test("D18: the Node that the package asks for is what its first line asks for", () => {
  assert.equal(engines.node, `>=${neededNode.major}.${neededNode.minor}`);
});

/** The oldest that it says it runs on, and the image's. */
const nodes = [`${neededNode.major}.${neededNode.minor}.0`, "24"];

for (const node of nodes) {
  test(`D18: what is packed runs on Node ${node}: a message of a client is answered, and the console shows it`, async (t) => {
    const binary = nodeOf(node);
    if (binary === null) return t.skip(lacking(`Node ${node} can't be had from npm`));
    const ports = [await freePort(), await freePort()];
    const child = startChild(binary, [join(packed, "dist/main.js")], {
      cwd: packed,
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "key",
        REVERB_APP_SECRET: "secret",
        POGO_UPSTREAM: "none",
        POGO_PORT: String(ports[0]),
        POGO_ADMIN_PORT: String(ports[1]),
      },
    });
    t.after(() => child.stop());
    await waitUntilUp(
      child,
      async () => (await fetch(`http://127.0.0.1:${ports[1]}/readyz`)).status === 200,
    );
    const socket = new WebSocket(`ws://127.0.0.1:${ports[0]}/app/key`);
    t.after(() => socket.terminate());
    await new Promise((resolve) => socket.once("message", resolve));
    socket.send('{"event":"pusher:subscribe","data":{"channel":"news"}}');
    const answer = await new Promise((resolve) => socket.once("message", resolve));
    assert.match(String(answer), /subscription_succeeded/);
    const admin = `http://127.0.0.1:${ports[1]}`;
    const [page, script, list] = await Promise.all(
      ["/", "/console/main.js", "/console/channels"].map(async (path) =>
        (await fetch(admin + path)).text(),
      ),
    );
    assert.match(page ?? "", /Pogo Sidecar console/);
    assert.match(script ?? "", /^\/\*\*/);
    assert.match(list ?? "", /"name":"news"/);
    const { code } = await child.stop();
    assert.equal(code, 0, child.lines.join("\n"));
  });
}

test("D18: on an older Node the first line says which is needed, which was found and where; 78", (t) => {
  const binary = nodeOf("20");
  if (binary === null) return t.skip(lacking("Node 20 can't be had from npm"));
  for (const command of [[], ["check"], ["version"]]) {
    const main = join(packed, "dist/main.js");
    const ended: SpawnSyncReturns<string> = spawnSync(binary, [main, ...command], {
      encoding: "utf8",
    });
    assert.equal(ended.status, 78);
    assert.equal(ended.stdout, "");
    assert.match(
      ended.stderr,
      /^Pogo Sidecar needs Node 22\.11 or newer, and this is Node 20\.\d+\.\d+ \(\//,
    );
  }
});

test("D17: every package is locked: where it comes from and what it must hash to, on every platform", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; resolved?: string; integrity?: string }>;
  };
  const installed = Object.entries(packages).filter(([path]) => path !== "");
  assert.ok(installed.length > 100);
  const unlocked = installed.filter(
    ([, { resolved, integrity }]) =>
      !resolved?.startsWith("https://registry.npmjs.org/") || !integrity?.startsWith("sha512-"),
  );
  assert.deepEqual(unlocked, []);
});

test("D17: what installs for a proof or an image installs what is locked", () => {
  for (const file of [".ci/run", "Dockerfile"]) {
    const text = readFileSync(join(root, file), "utf8");
    assert.match(text, /npm"?,? "?ci\b/, file);
    assert.doesNotMatch(text, /npm"?,? "?(install|i)\b/, file);
  }
});

/** What a command wrote to standard output. */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}
