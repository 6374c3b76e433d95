/** What reaches a machine through the sidecar's packages: the rows of the table of attacks about its supply. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  read("package-lock.json"),
);
/** Without the entry of this package itself. */
const packages = Object.entries(lock.packages).filter(([path]) => path !== "");

describe("packages", () => {
  it("row 112: those of production have licences that ask for no more than their text", () => {
    const allowed = new Set([
      "MIT",
      "ISC",
      "Apache-2.0",
      "BlueOak-1.0.0",
      "BSD-2-Clause",
      "BSD-3-Clause",
      "0BSD",
    ]);
    const production = packages.filter(([, { dev }]) => dev !== true);
    assert.ok(production.length > 5);
    for (const [path, { license = "none" }] of production) {
      assert.ok(allowed.has(license), `${path}: ${license}`);
    }
  });

  it("row 113: none that is installed in production runs a script, and the image runs none at all", () => {
    const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    assert.deepEqual(
      scripts.map(([path, { dev }]) => [path, dev]),
      [["node_modules/node", true]],
    );
    const installs = read("Dockerfile").match(/^RUN .*"npm", "(?:ci|install|i)".*/gm) ?? [];
    assert.ok(installs.length > 0);
    for (const install of installs) assert.match(install, /"--ignore-scripts"/);
  });
});
