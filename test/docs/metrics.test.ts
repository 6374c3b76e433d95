import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderMetricsDocs } from "../../scripts/metrics-docs.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";
import { createMetrics } from "../../sidecar/observability/metrics.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const names = new Set<string>(
  createMetrics().rooms.flatMap(({ descriptions }) => descriptions.map(({ name }) => name)),
);

const options = new Set<string>(allOptions.map(({ env }) => env));

describe("docs/metrics.md", () => {
  it("says what the definitions say", () => {
    assert.equal(read("docs/metrics.md"), renderMetricsDocs(), "run `npm run docs`");
  });

  for (const name of new Set(renderMetricsDocs().match(/\bPOGO_[A-Z_]*[A-Z]\b/g))) {
    it(`${name} is an option`, () => assert.ok(options.has(name)));
  }
});

describe("what a log line says to do", () => {
  const folder = new URL("sidecar/observability/events/", root);
  const texts = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
  const named = new Set(texts.join("\n").match(/\b(POGO|REVERB)_[A-Z_]*[A-Z]\b/g));
  const laravel = new Set<string>(allOptions.flatMap((row) => row.laravel ?? []));
  // Of the app alone.
  laravel.add("REVERB_SCHEME");
  for (const name of named) {
    it(`${name} is an option`, () => assert.ok(options.has(name) || laravel.has(name)));
  }
});

describe("metrics that a page names", () => {
  const pages = ["README.md", ...readdirSync(new URL("docs", root)).map((page) => `docs/${page}`)];
  for (const page of pages.filter((name) => name.endsWith(".md"))) {
    it(`${page}: are there`, () => {
      const named = read(page).match(
        /\bpogo_(websocket|proxy|api|broker|cluster|node)_[a-z_]*[a-z]\b/g,
      );
      const missing = (named ?? []).filter((name) => !names.has(name));
      assert.deepEqual(missing, []);
    });
  }
});
