/** That docs/laravel.md can be copied: its PHP parses and names what exists, its JavaScript parses, its `.env` is taken. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseEnv } from "node:util";
import { environmentFaults } from "../deploy/sidecar-facts.ts";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/laravel.md"), "utf8");
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(
    ([, block = ""]) => block,
  );

/** Where the classes of a namespace are; those of others are not looked for. */
const folders: ReadonlyMap<string, string> = new Map([
  ["Pogo", "laravel/src"],
  ["Illuminate", "test/e2e/laravel/vendor/laravel/framework/src/Illuminate"],
]);

describe("docs/laravel.md", () => {
  const php = blocks("php");
  it("has blocks of each language", () => {
    const counts = [php, blocks("js"), blocks("dotenv")].map(({ length }) => length);
    assert.ok(
      counts.every((count) => count > 1),
      String(counts),
    );
  });

  const needsPhp = commandPath("php") === undefined && lacking("PHP is not installed");
  for (const block of php) {
    it(`${firstLine(block)} … is PHP`, { skip: needsPhp }, () => {
      execFileSync("php", ["-l"], { input: toPhp(block), stdio: ["pipe", "pipe", "pipe"] });
    });
  }

  const imported = [...php.join("").matchAll(/^use ([\w\\]+);/gm)];
  for (const name of new Set(imported.map(([, found = ""]) => found))) {
    const [vendor = "", ...rest] = name.split("\\");
    const folder = folders.get(vendor);
    if (folder === undefined) continue;
    const skip = !existsSync(join(root, folder)) && lacking("the Laravel app is not installed");
    it(`${name} exists`, { skip }, () => {
      assert.ok(existsSync(join(root, folder, `${rest.join("/")}.php`)));
    });
  }

  for (const block of blocks("js")) {
    it(`${firstLine(block)} … is JavaScript`, () => {
      execFileSync(process.execPath, ["--check", "--input-type=module", "-"], {
        input: block,
        stdio: ["pipe", "pipe", "pipe"],
      });
    });
  }

  it("its environments are a configuration without faults", () => {
    const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "secret" };
    for (const block of blocks("dotenv")) {
      assert.deepEqual(environmentFaults({ ...credentials, ...parseEnv(block) }), []);
    }
  });
});

/** Some blocks are the inside of an array, or a call in the chain of bootstrap/app.php. */
function toPhp(block: string): string {
  if (block.startsWith("'")) return `<?php return [${block}];`;
  return `<?php ${block.replace(/^->/m, "$application->")}${/^->/m.test(block) ? ";" : ""}`;
}

function firstLine(block: string): string {
  return block.split("\n").find((line) => !/^use |^import |^$/.test(line)) ?? "";
}
