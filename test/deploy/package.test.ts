/** What `npm pack` makes of a fresh clone: a package that runs, and nothing in it that is for us alone. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

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

test("D18: npm pack builds, and packs every source file's JavaScript and no test", () => {
  const isForTests = (path: string): boolean => /\.test\.ts$|(^|\/)testing\//.test(path);
  const sources = globSync("**/*.ts", { cwd: join(root, "sidecar") }).filter(
    (path) => !isForTests(path),
  );
  const compiled = sources.flatMap((path) => [
    join("dist", path.replace(/\.ts$/, ".js")),
    join("dist", path.replace(/\.ts$/, ".d.ts")),
  ]);
  const files = globSync("**/*", { cwd: packed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packed.length + 1));
  assert.deepEqual(
    files.toSorted(),
    [...compiled, "package.json", "README.md", "LICENSE"].toSorted(),
  );
});

test("D18: what is packed runs", () => {
  symlinkSync(join(root, "node_modules"), join(packed, "node_modules"));
  assert.equal(run(process.execPath, ["dist/main.js", "version"], packed), `${version}\n`);
});

test("D18: the Node that the package asks for is the image's", () => {
  const [, image] = /^FROM node:(\d+)/m.exec(readFileSync(join(root, "Dockerfile"), "utf8")) ?? [];
  assert.equal(engines.node, `>=${image}`);
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
