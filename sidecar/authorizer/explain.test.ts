import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testApp } from "../core/testing/doubles.ts";
import { sign } from "../core/signature.ts";
import { explainAnswer } from "./explain.ts";

const socketId = "1.2";
const authPath = "/broadcasting/auth";

function explain(status: number, body: unknown = "", channel = "private-orders.7") {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return explainAnswer({ app: testApp, socketId, channel, authPath }, status, text);
}

const authFor = (secret: string, key: string = testApp.key) => ({
  auth: `${key}:${sign(secret, `${socketId}:private-orders.7`)}`,
});

const statuses: readonly (readonly [status: number, text: RegExp, fix: RegExp])[] = [
  [302, /redirects/, /Broadcast::routes/],
  [401, /nobody is logged in/, /"orders\.7" that returns true$/],
  [403, /callback says no/, /"orders\.7" that returns true$/],
  [404, /no such route/, /POGO_AUTH_PATH \(now \/broadcasting\/auth\)/],
  [405, /takes no POST/, /route:list/],
  [419, /CSRF/, /validateCsrfTokens/],
  [429, /rate limit/, /throttle/],
  [500, /the app failed/, /storage\/logs/],
  [503, /maintenance/, /artisan up/],
  [418, /no broadcaster/, /POGO_AUTH_PATH/],
];

const bodies: readonly (readonly [name: string, body: unknown, text: RegExp, fix: RegExp])[] = [
  ["a page", "<!doctype html>", /a page, not JSON/, /BROADCAST_CONNECTION=reverb/],
  ["nothing of use", {}, /no signature/, /not log or null/],
  ["another key's signature", authFor("s", "other-key"), /key other-key/, /REVERB_APP_KEY/],
  ["another secret's signature", authFor("other-secret"), /another secret/, /REVERB_APP_SECRET/],
];

describe("what the app's answer means", () => {
  for (const [status, text, fix] of statuses) {
    it(`${status}: says what is wrong, and what mends it`, () => {
      const explained = explain(status);
      assert.ok(!explained.isAllowed);
      assert.match(explained.text, new RegExp(`answers ${status}`));
      assert.match(explained.text, text);
      assert.match(explained.fix, fix);
    });
  }

  for (const [name, body, text, fix] of bodies) {
    it(`200 with ${name}: says what is wrong, and what mends it`, () => {
      const explained = explain(200, body);
      assert.ok(!explained.isAllowed);
      assert.match(explained.text, text);
      assert.match(explained.fix, fix);
    });
  }

  it("of a presence channel the callback returns data, and the answer has to have it", () => {
    const denied = explain(403, "", "presence-room");
    assert.match(
      denied.isAllowed ? "" : denied.fix,
      /"room" that returns true or the member's data/,
    );
    const auth = `${testApp.key}:${sign(testApp.secret, `${socketId}:presence-room`)}`;
    const bare = explain(200, { auth }, "presence-room");
    assert.match(bare.isAllowed ? "" : bare.text, /no channel_data/);
  });

  it("200 with the right signature is a yes", () => {
    assert.deepEqual(explain(200, authFor(testApp.secret)).isAllowed, true);
  });
});
