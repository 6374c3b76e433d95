import assert from "node:assert/strict";
import { test } from "node:test";
import { showDuration } from "./duration.ts";

const rows: readonly (readonly [valueMs: number, text: string])[] = [
  [0, "0"],
  [1, "1ms"],
  [1_000, "1s"],
  [1_500, "1500ms"],
  [60_000, "60s"],
  [90_000, "90s"],
  [120_000, "2m"],
  [150_000, "150s"],
  [300_000, "5m"],
  [3_600_000, "60m"],
  [7_200_000, "2h"],
  [86_400_000, "24h"],
];

for (const [valueMs, text] of rows) {
  test(`${valueMs} ms is shown as ${text}`, () => assert.equal(showDuration(valueMs), text));
}
