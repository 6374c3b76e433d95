import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, createThrottle } from "./log.ts";

/** A log that keeps its lines, as they would go out and parsed. */
function logInMemory() {
  const texts: string[] = [];
  const log = createLog(
    { level: "info", version: "1.2.3" },
    { write: (text) => void texts.push(text) },
  );
  const lines = (): Record<string, unknown>[] => texts.map((text) => Object(JSON.parse(text)));
  return { log, texts, lines };
}

describe("log", () => {
  it("writes one JSON object a line, with the level in words", () => {
    const { log, texts, lines } = logInMemory();
    log.info({ port: 8080 }, "listening");
    log.debug("too fine");
    assert.equal(texts.length, 1);
    assert.match(texts[0] ?? "", /^\{[^\n]*\}\n$/);
    const { time, ...line } = lines()[0] ?? {};
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(line, { level: "info", version: "1.2.3", port: 8080, msg: "listening" });
  });

  for (const field of ["cookie", "authorization", "auth", "auth_signature", "secret", "password"]) {
    it(`blanks ${field}, be it logged by itself, in an object or in one within that`, () => {
      const { log, texts, lines } = logInMemory();
      const secret = { [field]: "hunter2", kept: 1 };
      log.info(
        { [field]: "hunter2", headers: secret, request: { headers: secret }, all: [secret] },
        "x",
      );
      const blank = { [field]: "[redacted]", kept: 1 };
      const [line = {}] = lines();
      assert.deepEqual(
        Object.fromEntries(["headers", "request", "all", field].map((name) => [name, line[name]])),
        { [field]: "[redacted]", headers: blank, request: { headers: blank }, all: [blank] },
      );
      assert.doesNotMatch(texts.join(""), /hunter2/);
    });
  }
});

describe("throttle", () => {
  function throttled() {
    let nowMs = 0;
    const throttle = createThrottle({ intervalMs: 10_000, now: () => nowMs });
    return { throttle, pass: (ms: number) => (nowMs += ms) };
  }

  it("lets the first of equal lines pass, then one an interval with how many there were since", () => {
    const { throttle, pass } = throttled();
    const first = [1, 2, 3].map(() => throttle("bad", ""));
    assert.deepEqual(first, [0, null, null]);
    pass(9_999);
    assert.equal(throttle("bad", ""), null);
    pass(1);
    assert.equal(throttle("bad", ""), 3);
  });

  it("distinguishes lines of the same message by their key", () => {
    const { throttle } = throttled();
    const passed = ["a", "b", "a", "b"].map((key) => throttle("bad", key));
    assert.deepEqual(passed, [0, 0, null, null]);
  });

  it("remembers no more than a thousand keys; those beyond share one turn", () => {
    const { throttle } = throttled();
    const keys = Array.from({ length: 5_000 }, (_, key) => String(key));
    assert.equal(keys.filter((key) => throttle("bad", key) !== null).length, 1_001);
  });
});
