import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { createLog } from "./log.ts";
import { createTextDestination } from "./text-log.ts";

/** What would stand in the terminal, times cut. */
function textInMemory(colorize = false) {
  let text = "";
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const log = createLog(
    { level: "debug", version: "1.2.3" },
    createTextDestination({ colorize, destination }),
  );
  return { log, text: () => text.replaceAll(/^\d\d:\d\d:\d\d/gm, "hh:mm:ss") };
}

describe("text log", () => {
  it("has one line an event: time, level, message, fields, and what to do", () => {
    const { log, text } = textInMemory();
    log.info("stopped");
    log.warn(
      {
        app_id: null,
        reason: "unknown_key",
        sent: "a key",
        hint: "compare the keys",
        list: ["a", "b"],
      },
      "WebSocket connection refused",
    );
    log.debug({ status: 200, nested: { a: 1 } }, "request");
    assert.equal(
      text(),
      "hh:mm:ss INFO  stopped\n" +
        'hh:mm:ss WARN  WebSocket connection refused reason=unknown_key sent="a key" list=a,b → compare the keys\n' +
        'hh:mm:ss DEBUG request                      status=200 nested={"a":1}\n',
    );
  });

  it("text sent by a client can neither move the cursor nor begin a line", () => {
    const { log, text } = textInMemory();
    log.info({ sent: "a\nb\u001b[2J\u009b2J\u202e" }, "x\r\ny");
    assert.equal(text().split("\n").length, 2);
    assert.doesNotMatch(text(), /[^\P{C}\n\ufffd]/u);
  });

  it("secrets are blanked here too", () => {
    const { log, text } = textInMemory();
    log.info({ cookie: "hunter2", headers: { authorization: "hunter2" } }, "x");
    assert.doesNotMatch(text(), /hunter2/);
  });

  it("a bug shows where it happened", () => {
    const { log, text } = textInMemory();
    log.fatal({ err: new Error("what") }, "uncaught exception");
    assert.match(text(), /FATAL uncaught exception\n {4}Error: what\n {4}at .*text-log\.test\.ts/);
  });

  it("is in colour only where that is wanted", () => {
    const [plain, coloured] = [textInMemory(false), textInMemory(true)];
    for (const { log } of [plain, coloured]) log.warn({ a: 1 }, "x");
    assert.ok(!plain.text().includes("\u001b"));
    assert.ok(coloured.text().includes("\u001b["));
  });
});
