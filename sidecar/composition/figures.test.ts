import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../observability/metrics.ts";
import { metricNames } from "./figures.ts";

test("the console's figures are of metrics that there are", () => {
  const { rooms } = createMetrics();
  const names = new Set(
    rooms.flatMap(({ descriptions }) => descriptions.map(({ name }): string => name)),
  );
  assert.ok(metricNames.length > 10);
  assert.deepEqual(
    metricNames.filter((name) => !names.has(name)),
    [],
  );
});
