import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

/** Rules of docs/protocol.md, by number. */
const rules = [...readFileSync("docs/protocol.md", "utf8").matchAll(/^\| ([A-Z]\d\d) \|/gm)].map(
  ([, id]) => id ?? "",
);

/** Titles of the tests of the rooms that speak the protocol. */
const titles = globSync([
  "sidecar/*.test.ts",
  "sidecar/{core,ws,http-api,webhooks}/*.test.ts",
  "test/{e2e,fuzz}/*.test.ts",
])
  .map((path) => readFileSync(path, "utf8"))
  .flatMap((source) => [...source.matchAll(/["'`](.*[A-Z]\d\d.*)["'`]/g)].map(([title]) => title))
  .join("\n");

describe("docs/protocol.md", () => {
  it("has every rule once", () => {
    assert.ok(rules.length > 80, String(rules.length));
    assert.deepEqual(rules, [...new Set(rules)]);
  });

  for (const rule of rules) {
    it(`${rule} has a test`, () => {
      assert.match(titles, new RegExp(`\\b${rule}\\b`));
    });
  }
});
