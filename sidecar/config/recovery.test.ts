import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOf, errorsOf } from "./testing/given.ts";

const works = {
  POGO_UPSTREAM: "http://127.0.0.1:8000",
  POGO_RECOVERY: "all",
  POGO_RECOVERY_AUTH: "true",
};

describe("POGO_RECOVERY_AUTH", () => {
  it("is off, and on where it can do something", () => {
    assert.equal(configOf({ env: {} }).recovery.authorizes, false);
    assert.equal(configOf({ env: works }).recovery.authorizes, true);
    const stateful = { POGO_RECOVERY: "orderly", POGO_RECOVERY_STATE_DIR: "/var/lib/pogo" };
    assert.equal(configOf({ env: { ...works, ...stateful } }).recovery.authorizes, true);
  });

  const contradictions: Readonly<Record<string, readonly [Record<string, string>, RegExp]>> = {
    "nobody is known again": [{ POGO_RECOVERY: "off" }, /POGO_RECOVERY=off nobody knows that/],
    "pages get no cookie": [
      { POGO_RECOVERY_COOKIE: "false" },
      /POGO_RECOVERY_COOKIE=false sets none/,
    ],
    "the app is asked elsewhere": [{ POGO_UPSTREAM: "none" }, /POGO_UPSTREAM is none/],
    "nothing outlives the node": [{ POGO_RECOVERY: "orderly" }, /Set that, or POGO_RECOVERY=all/],
  };
  for (const [why, [env, message]] of Object.entries(contradictions)) {
    it(`is refused where ${why}, with what to do`, () => {
      const [error = "", ...others] = errorsOf({ env: { ...works, ...env } });
      assert.match(error, /^POGO_RECOVERY_AUTH: /);
      assert.match(error, message);
      assert.deepEqual(others, []);
    });
  }
});
