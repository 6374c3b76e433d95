import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startWorkerProcess } from "./worker-process.ts";

/** More than the kernel takes of one variable: fork throws. */
const tooLong = "x".repeat(300_000);

describe("the process of a worker", () => {
  it("that the system refuses to start has ended, and the supervisor goes on", async () => {
    const process = startWorkerProcess({
      main: import.meta.filename,
      args: [],
      env: { TOO_LONG: tooLong },
      descriptor: null,
    });
    assert.deepEqual(await process.exited, { code: null, signal: null, error: "E2BIG" });
    assert.equal(process.pid, null);
    assert.equal(await process.ask("/metrics", 1_000), null);
    process.stop(true);
    process.kill();
  });
});
