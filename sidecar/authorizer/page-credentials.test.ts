import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isShownIn } from "../core/recovery/credentials.ts";
import { readCredentials } from "./page-credentials.ts";

const read = (...headers: string[]) => readCredentials(headers, "secret");

function isAsMuch(before: readonly string[], now: readonly string[]): boolean {
  const [first, second] = [read(...before), read(...now)];
  return first !== null && second !== null && isShownIn(first, second);
}

describe("Y23: what a page shows of who asks", () => {
  it("is nothing without a cookie, an Authorization or a field that sounds like one", () => {
    assert.equal(read("Accept", "*/*"), null);
    assert.equal(read("Cookie", ""), null);
    assert.equal(read("Cookie", "pogo_recovery=1234567890123456789012"), null);
    assert.notEqual(read("X-Api-Key", "1"), null);
  });

  it("is as much again with the same cookies, whatever is in them, and with more", () => {
    const before = ["Cookie", "laravel_session=one; XSRF-TOKEN=x", "X-XSRF-TOKEN", "x"];
    const now = ["Cookie", "XSRF-TOKEN=y; laravel_session=two; _ga=3", "x-xsrf-token", "y"];
    assert.ok(isAsMuch(before, now));
  });

  it("is less where a cookie or a field is gone, or says something else", () => {
    const before = ["Cookie", "a=1; b=2", "Authorization", "Bearer one", "X-CSRF-TOKEN", "c"];
    assert.ok(!isAsMuch(["X-Session-Id", "one"], ["X-Session-Id", "two"]));
    for (const now of [
      ["Cookie", "a=1", "Authorization", "Bearer one", "X-CSRF-TOKEN", "c"],
      ["Cookie", "a=1; b=2", "Authorization", "Bearer two", "X-CSRF-TOKEN", "c"],
      ["Cookie", "a=1; b=2", "X-CSRF-TOKEN", "c"],
      ["Cookie", "a=1; b=2", "Authorization", "Bearer one", "X-CSRF-TOKEN", "d"],
    ]) {
      assert.ok(!isAsMuch(before, now), now.join());
    }
    assert.ok(isAsMuch(before, before));
  });

  it("is something else from a page of another origin", () => {
    const [one, two] = ["https://one.test", "https://two.test"].map((origin) => [
      "Cookie",
      "a=1",
      "Origin",
      origin,
    ]);
    assert.ok(one && two && isAsMuch(one, one) && !isAsMuch(one, two));
  });

  it("is more than is kept with cookies without end", () => {
    assert.equal(read("Cookie", `${"n".repeat(2_001)}=1`), null);
  });

  it("can't be guessed from its digest without the app's secret", () => {
    const headers = ["Authorization", "Basic YTpi"];
    const [one, other] = ["secret", "another"].map((secret) => readCredentials(headers, secret));
    assert.notEqual(one?.proofs, other?.proofs);
    assert.ok(!JSON.stringify(one).includes("YTpi"));
  });
});
