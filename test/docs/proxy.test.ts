import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { titlesOf } from "./titles.ts";

/** Rules of docs/proxy.md, by number. */
const rules = [...readFileSync("docs/proxy.md", "utf8").matchAll(/^\| ([A-Z]\d+) \|/gm)].map(
  ([, id]) => id ?? "",
);

const paths = globSync(["sidecar/**/*.test.ts", "test/{integration,e2e,hostile}/**/*.test.ts"], {
  exclude: ["**/vendor/**", "**/node_modules/**"],
});
const named = new Set(
  (await titlesOf(paths)).flat().flatMap((title) => {
    const [, list = ""] = /^proxy ((?:[A-Z]\d+, )*[A-Z]\d+): /.exec(title) ?? [];
    return list === "" ? [] : list.split(", ");
  }),
);

describe("docs/proxy.md", () => {
  it("has every rule once", () => {
    assert.ok(rules.length > 50, String(rules.length));
    assert.deepEqual(rules, [...new Set(rules)]);
  });

  for (const rule of rules) {
    it(`${rule} has a test with its number at the head of the title`, () => {
      assert.ok(named.has(rule));
    });
  }

  it("has every rule that a title names; H are faults of http-proxy-3, A checks of the authorization", () => {
    const checked = [...named].filter((number) => /^[PFSEW]/.test(number));
    assert.deepEqual(
      checked.filter((number) => !rules.includes(number)),
      [],
    );
  });
});
