import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startWorkerProcess } from "./worker-process.ts";

/** More than the kernel takes of one variable: fork throws. */
const tooLong = "x".repeat(300_000);

describe("the process of a worker", () => {
  it("answers what it is asked, and streams what is watched until it is closed", async () => {
    const worker = startWorkerProcess({
      main: new URL("../testing/echo-worker.ts", import.meta.url).pathname,
      args: [],
      env: process.env,
      descriptor: null,
    });
    await worker.listening;
    const asked = await Promise.all([
      worker.ask("/readyz", 10_000),
      worker.ask("/console/publish", 10_000, "{}"),
    ]);
    assert.deepEqual(
      asked.map((answer) => answer?.text),
      ["/readyz null", "/console/publish {}"],
    );
    const lines: string[] = [];
    const two = Promise.withResolvers<void>();
    const stream = worker.watch("worker=1", (line) => {
      lines.push(line);
      if (lines.length === 2) two.resolve();
      else stream.lineTaken();
    });
    await two.promise;
    stream.close();
    // Behind the line that nobody reads any more.
    await worker.ask("/", 10_000);
    assert.deepEqual(lines, ["watch worker=1", "next"]);
    worker.stop(true);
    assert.deepEqual(await worker.exited, { code: 0, signal: null, error: null });
  });

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
    process.watch("", () => assert.fail("it sends nothing")).lineTaken();
    process.stop(true);
    process.kill();
  });
});
