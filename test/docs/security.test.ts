import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fallbackText } from "../../sidecar/config/table/option.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";

const text = readFileSync(new URL("../../SECURITY.md", import.meta.url), "utf8");
const metrics = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");

describe("SECURITY.md", () => {
  const named = [...text.matchAll(/`(POGO_[A-Z_]+)`(?: \(([^)]+)\))?/g)];

  it("names options that there are, with the defaults that they have", () => {
    for (const [, env, shown] of named) {
      const row = allOptions.find((option) => option.env === env || `${option.env}_FILE` === env);
      assert.ok(row, env);
      // In brackets: the default, or how it is set.
      if (shown === undefined || !/^(\d[\d,a-z]*|none)$/.test(shown)) continue;
      assert.equal(shown.replaceAll(",", ""), fallbackText(row), env);
    }
  });

  it("names metrics that there are", () => {
    for (const [, name] of text.matchAll(/`(pogo_[a-z_]+)`/g)) {
      assert.ok(metrics.includes(`\`${name}\``), name);
    }
  });

  it("has a row for every option that bounds something", () => {
    const bounds = allOptions.filter(({ env }) => /_MAX_|_RATE|_BURST|_QUEUE|_BYTES/.test(env));
    const missing = bounds.filter(({ env }) => !text.includes(env)).map(({ env }) => env);
    assert.deepEqual(missing, []);
  });
});
