/** One Echo for everybody who reads: wherever it stands, it takes its address from the page. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
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
      "laravel/src/Console/Install/Steps.php",
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

  it("README.md: is the one that pogo-sidecar env prints", () => {
    const readme = places.find(({ path }) => path === "README.md");
    const [echo = ""] = readme?.echos ?? [];
    assert.deepEqual(
      echo.split("\n").map(normalise),
      echoBlock().split("\n").slice(1, -1).map(normalise),
    );
  });
});

/** What stands between the braces of each. */
function echosIn(text: string): readonly string[] {
  return [...text.matchAll(/new Echo(?:\.default)?\(\{\n(.*?)\n\s*\}\);/gs)]
    .map(([, options = ""]) => options)
    .filter((options) => /broadcaster: ["']reverb["']/.test(options));
}

function normalise(line: string): string {
  return line.trim().replaceAll("'", '"');
}
