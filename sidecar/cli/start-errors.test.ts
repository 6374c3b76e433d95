import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
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

for (const option of ["POGO_HOST", "POGO_API_SOCKET"] as const) {
  it(`${option} in a folder that does not exist: the folder is asked for, whatever code the system's is`, async () => {
    const path = "/no-such-folder/pogo.sock";
    const server = createServer().listen(path);
    const [error] = await once(server, "error");
    const value = option === "POGO_HOST" ? `unix:${path}` : path;
    const { socket, hint } = explainStart(error, configOf({ env: { [option]: value } })) ?? {};
    assert.equal(socket, path);
    assert.match(String(hint), /^does the folder of \/no-such-folder\/pogo\.sock exist/);
    assert.match(String(hint), new RegExp(`choose another path with ${option}$`));
  });
}
