import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { parseWorkerArgs, workerArgs } from "./worker-args.ts";

test("a worker reads what its supervisor wrote, and the supervisor's own flags behind it", () => {
  for (const inherits of [true, false]) {
    const [command, ...args] = workerArgs({ worker: 3, inherits }, ["--port", "9000"]);
    assert.equal(command, "worker");
    assert.deepEqual(parseWorkerArgs(args), { worker: 3, inherits, argv: ["--port", "9000"] });
  }
});

test("worker by hand is refused, and names the option", () => {
  const main = new URL("../main.ts", import.meta.url).pathname;
  assert.throws(() => execFileSync(process.execPath, [main, "worker", "1"], { stdio: "pipe" }), {
    status: 64,
    message: /pogo-sidecar --workers 2/,
  });
});
