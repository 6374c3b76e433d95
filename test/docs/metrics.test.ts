import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderMetricsDocs } from "../../scripts/metrics-docs.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";
import { withoutCounterpart } from "../../sidecar/observability/metrics/original.ts";
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

/** From the original's source. */
const originals =
  "connections_active messages_total subscriptions_active subscriptions_total auth_duration_seconds circuit_breaker_open_total auth_failures_total client_dropped_messages_total broker_dropped_messages_total publish_failures_total control_queue_dropped_total webhook_queue_depth webhook_dropped_total publish_duration_seconds broker_to_hub_delay_seconds hub_to_shard_delay_seconds fanout_subscribers client_queue_depth client_queue_residence_seconds write_duration_seconds write_total_duration_seconds write_failures_total delivery_config".split(
    " ",
  );

describe("the original's metrics", () => {
  for (const name of originals.map((short) => `pogo_websocket_${short}`)) {
    it(`${name} is here, or is said to have no counterpart`, () => {
      assert.equal(names.has(name), !Object.hasOwn(withoutCounterpart, name));
    });
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
      const missing = (named ?? []).filter(
        (name) => !names.has(name) && !Object.hasOwn(withoutCounterpart, name),
      );
      assert.deepEqual(missing, []);
    });
  }
});
