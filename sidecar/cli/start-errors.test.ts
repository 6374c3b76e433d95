import assert from "node:assert/strict";
import { it } from "node:test";
import { configOf } from "../config/testing/given.ts";
import { WorkerStartError, type WorkerEnd } from "../workers/supervisor.ts";
import { explainStart } from "./start-errors.ts";

function explain(end: Partial<WorkerEnd>): Record<string, unknown> {
  const all = { code: null, signal: null, error: null, uptimeMs: 60_000, hasTimedOut: false };
  const error = new WorkerStartError(2, { ...all, ...end });
  return explainStart(error, configOf()) ?? assert.fail("no explanation");
}

for (const [end, how, hint] of [
  [{ code: 1 }, { exit_code: 1 }, /^its own line says why$/],
  [{ signal: "SIGKILL" }, { signal: "SIGKILL" }, /out of memory: raise the memory limit/],
  [{ error: "EAGAIN" }, { error: "EAGAIN" }, /^the system did not start it/],
  [{ signal: "SIGKILL", hasTimedOut: true }, { signal: "SIGKILL" }, /had not opened its port/],
] as const) {
  it(`a worker that could not start is named, with ${JSON.stringify(end)} and what to do`, () => {
    const { hint: given, ...fields } = explain(end);
    assert.deepEqual(fields, { worker: 2, ...how, uptime_ms: 60_000 });
    assert.match(String(given), hint);
  });
}
