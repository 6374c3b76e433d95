import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, createThrottledWarning } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createReporter } from "./reporter.ts";

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

describe("throttled warning", () => {
  function throttled() {
    const { log, lines } = logInMemory();
    let nowMs = 0;
    const warn = createThrottledWarning(log, { intervalMs: 10_000, now: () => nowMs });
    return { warn, lines, pass: (ms: number) => (nowMs += ms) };
  }

  it("logs the first of equal ones, then one an interval with how many there were since", () => {
    const { warn, lines, pass } = throttled();
    for (const n of [1, 2, 3]) warn("bad", { n });
    pass(9_999);
    warn("bad", { n: 4 });
    pass(1);
    warn("bad", { n: 5 });
    const seen = lines().map(({ n, suppressed }) => [n, suppressed]);
    assert.deepEqual(seen, [
      [1, undefined],
      [5, 3],
    ]);
  });

  it("logs each kind of the same message", () => {
    const { warn, lines } = throttled();
    for (const kind of ["a", "b", "a", "b"]) warn("bad", { kind }, kind);
    assert.deepEqual(
      lines().map(({ kind }) => kind),
      ["a", "b"],
    );
  });

  it("remembers no more than a thousand kinds; those beyond share one turn", () => {
    const { warn, lines } = throttled();
    for (let kind = 0; kind < 5_000; kind += 1) warn("bad", {}, String(kind));
    assert.equal(lines().length, 1_001);
  });
});

describe("reporter", () => {
  it("logs each fault of the upstream, each reason of the app and each endpoint by itself", () => {
    const { log, lines } = logInMemory();
    const reporter = createReporter({ metrics: createMetrics(), log, now: () => 0 });
    const fails = { method: "GET", status: 502, durationMs: 1 };
    const webhook = { appId: "1", endpoint: "a.test", fault: { kind: "timeout" } };
    for (let round = 0; round < 2; round += 1) {
      reporter.proxyFinished({ ...fails, fault: "connect_failed", cause: "ECONNREFUSED" });
      reporter.proxyFinished({ ...fails, fault: "bad_response", cause: "HPE_INVALID_CONSTANT" });
      reporter.authorizationEnded({ reason: "timeout", durationMs: 1 });
      reporter.authorizationEnded({ reason: "worker_error", durationMs: 1 });
      reporter.apiSignatureRefused("1", "auth_key");
      reporter.apiSignatureRefused("1", "auth_timestamp");
      reporter.apiSignatureRefused("2", "auth_key");
      reporter.webhookFailed(webhook);
      reporter.webhookFailed({ ...webhook, endpoint: "b.test" });
      reporter.webhookFailed({ ...webhook, fault: { kind: "status" } });
      reporter.observer.authorizationFailed("1", "invalid_signature", "foreign");
      reporter.observer.authorizationFailed("2", "invalid_signature", "foreign");
      // What a client chooses makes no kind.
      reporter.observer.authorizationFailed("1", "invalid_signature", "another");
    }
    const kinds = lines().map((line) =>
      ["app_id", "endpoint", "fault", "reason", "wrong"]
        .flatMap((name) => line[name] ?? [])
        .map((value) => (typeof value === "string" ? value : String(Object(value).kind)))
        .join(" "),
    );
    assert.deepEqual(kinds, [
      "connect_failed",
      "bad_response",
      "timeout",
      "worker_error",
      "1 auth_key",
      "1 auth_timestamp",
      "2 auth_key",
      "1 a.test timeout",
      "1 b.test timeout",
      "1 a.test status",
      "1",
      "2",
    ]);
  });
});
