import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, createThrottledWarning } from "./log.ts";

function createRecordingLog() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog(
    { level: "info", version: "1.2.3" },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}

describe("log", () => {
  it("is JSON lines with level, time and version in words", () => {
    const { log, lines } = createRecordingLog();
    log.info({ port: 8080 }, "listening");
    log.debug("not at this level");
    const [line] = lines;
    assert.equal(lines.length, 1);
    assert.match(String(line?.["time"]), /^\d{4}-\d\d-\d\dT.*Z$/);
    const { time: _time, ...rest } = line ?? {};
    assert.deepEqual(rest, { level: "info", version: "1.2.3", port: 8080, msg: "listening" });
  });

  it("blanks what could be a secret, two objects deep", () => {
    const { log, lines } = createRecordingLog();
    const secrets = { secret: "s3cr3t", auth: "s3cr3t", cookie: "s3cr3t", password: "s3cr3t" };
    log.warn({ ...secrets, app: secrets, request: { headers: secrets } }, "x");
    assert.doesNotMatch(JSON.stringify(lines), /s3cr3t/);
    assert.match(JSON.stringify(lines), /\[redacted\]/);
  });
});

describe("throttled warning", () => {
  it("logs the first at once, then one in so long with how many there were", () => {
    const { log, lines } = createRecordingLog();
    let nowMs = 0;
    const warn = createThrottledWarning(log, { intervalMs: 1_000, now: () => nowMs });
    for (const at of [0, 1, 999, 1_000, 1_500, 2_000]) {
      nowMs = at;
      warn("a", { at });
    }
    warn("b", { at: nowMs });
    const told = lines.map(({ msg, at, suppressed }) => [msg, at, suppressed]);
    assert.deepEqual(told, [
      ["a", 0, undefined],
      ["a", 1_000, 2],
      ["a", 2_000, 1],
      ["b", 2_000, undefined],
    ]);
  });
});
