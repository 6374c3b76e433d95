import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { allOptions } from "../../sidecar/config/table/table.ts";
import { meanings } from "../../sidecar/authorizer/outcomes.ts";

const text = readFileSync("docs/authorization.md", "utf8");
const reasons = Object.keys(meanings).filter((reason) => reason !== "aborted");

describe("docs/authorization.md", () => {
  for (const reason of reasons) {
    it(`says what ${reason} is`, () => assert.ok(text.includes(`\`${reason}\``)));
  }

  it("says of each reason whether the client gets 403 or 503", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("| "));
    for (const [reason, { kind }] of Object.entries(meanings)) {
      const row = rows.find((line) => line.includes(`\`${reason}\``));
      if (!row) continue;
      assert.match(row, kind === "denied" ? /\| 403/ : /then 503/, reason);
    }
  });

  it("names no option and no metric that there is not", () => {
    const options = new Set<string>(allOptions.map(({ env }) => env));
    for (const [name] of text.matchAll(/POGO_[A-Z_]+/g)) assert.ok(options.has(name), name);
    const metrics = readFileSync("docs/metrics.md", "utf8");
    for (const [name] of text.matchAll(/pogo_[a-z_]+/g)) assert.ok(metrics.includes(name), name);
  });
});
