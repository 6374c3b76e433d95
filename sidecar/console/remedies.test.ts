import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SidecarEvent } from "../core/report.ts";
import { testApp } from "../core/testing/doubles.ts";
import { causeOf } from "./causes.ts";
import { remedyFor } from "./remedies.ts";

const about = { appId: testApp.id, socketId: "1.2", channel: "private-orders" };
const { key } = testApp;

/** What is refused most often; the line is null where none mends it. */
const cases: readonly {
  readonly name: string;
  readonly event: SidecarEvent;
  readonly why: RegExp;
  readonly expected: RegExp;
  readonly line: string | null;
}[] = [
  {
    name: "a signature with another app's key",
    event: { kind: "client_signature_refused", ...about, fault: "wrong_key", sentKey: "other" },
    why: /signed with another app’s key/,
    expected: new RegExp(`^the key ${key}$`),
    line: `REVERB_APP_KEY=${key}`,
  },
  {
    name: "a signature with another secret",
    event: { kind: "client_signature_refused", ...about, fault: "mismatch", sentKey: null },
    why: /made with another secret/,
    expected: /HMAC-SHA256 of "1\.2:private-orders" with the secret of app/,
    line: `REVERB_APP_SECRET=… (the one that the sidecar has for app ${testApp.id})`,
  },
  {
    name: "a no of the app",
    event: { kind: "authorization_refused", ...about, reason: "forbidden" },
    why: /the app was asked, and said no/,
    expected: new RegExp(`^status 200 with JSON: {"auth": "${key}:…"}$`),
    line: "Broadcast::channel('orders', fn ($user) => true);",
  },
  {
    name: "a no of the app for a presence channel",
    event: {
      kind: "authorization_refused",
      ...about,
      channel: "presence-it's",
      reason: "missing_channel_data",
    },
    why: /does not say who the member is/,
    expected: /"channel_data": "…"}$/,
    line: "Broadcast::channel('its', fn ($user) => ['id' => $user->id, 'name' => $user->name]);",
  },
  {
    name: "an app that is not there",
    event: { kind: "authorization_refused", ...about, reason: "dispatch_error" },
    why: /can’t be reached/,
    expected: /^an app that listens at http:\/\/127\.0\.0\.1:8000 /,
    line: "php artisan serve --host=127.0.0.1 --port=8000",
  },
  {
    name: "an app in maintenance",
    event: { kind: "authorization_refused", ...about, reason: "service_unavailable" },
    why: /is not available/,
    expected: /^status 200 with JSON/,
    line: "php artisan up",
  },
  {
    name: "a breaker that is open",
    event: { kind: "authorization_refused", ...about, reason: "circuit_open" },
    why: /was not asked: it has failed again and again/,
    expected: /POGO_AUTH_BREAKER_TIMEOUT/,
    line: null,
  },
  {
    name: "no name of a channel",
    event: {
      kind: "error_sent",
      ...about,
      channel: "private-Bestellung für Ä!",
      code: 4200,
      reason: "invalid_channel_name",
    },
    why: /no channel may have this name/,
    expected: /1 to 256 characters/,
    line: "private-Bestellung-f-r-",
  },
  {
    name: "a client event that nobody takes",
    event: { kind: "error_sent", ...about, code: 4301, reason: "client_events_disabled" },
    why: /the app takes none/,
    expected: /taken from none/,
    line: "POGO_ACCEPT_CLIENT_EVENTS_FROM=members",
  },
  {
    name: "a page with an unknown key",
    event: { kind: "handshake_refused", appId: null, reason: "unknown_key", sent: "other" },
    why: /no app here has the key/,
    expected: new RegExp(`^the key ${key}$`),
    line: `VITE_REVERB_APP_KEY=${key}`,
  },
  {
    name: "a page of another origin",
    event: {
      kind: "handshake_refused",
      appId: testApp.id,
      reason: "origin",
      sent: "https://shop.test:8443",
    },
    why: /of this origin may not connect/,
    expected: /^an origin of a\.test$/,
    line: "POGO_ALLOWED_ORIGINS=a.test,shop.test",
  },
  {
    name: "too large an event",
    event: { kind: "publish_refused", appId: testApp.id, reason: "payload_too_large" },
    why: /too long/,
    expected: /^at most [\d,]+ bytes of data$/,
    line: null,
  },
  {
    name: "too long a name of a channel",
    event: { kind: "publish_refused", appId: testApp.id, reason: "channel_too_long" },
    why: /the name of the channel is too long/,
    expected: /^1 to 256 characters/,
    line: null,
  },
];

describe("a refusal in the console", () => {
  const apps = [{ ...testApp, allowedOrigins: ["a.test"] }];
  const setting = { apps, upstream: "http://127.0.0.1:8000" };
  for (const { name, event, why, expected, line } of cases) {
    it(`says why, what was expected, and the line that mends it: ${name}`, () => {
      const remedy = remedyFor(event, setting);
      assert.match(causeOf(event) ?? "", why);
      assert.match(remedy.expected ?? "", expected);
      assert.equal(remedy.fix?.line ?? null, line);
      assert.doesNotMatch(JSON.stringify(remedy), new RegExp(testApp.secret));
    });
  }

  it("of one of several apps has the line for its entry in the config file", () => {
    const both = { ...setting, apps: [...apps, { ...testApp, id: "other", key: "other-key" }] };
    const events: readonly SidecarEvent[] = [
      { kind: "error_sent", ...about, code: 4301, reason: "client_events_disabled" },
      { kind: "handshake_refused", appId: testApp.id, reason: "origin", sent: "https://b.test" },
    ];
    const where = `the config file, at app ${testApp.id}`;
    assert.deepEqual(
      events.map((event) => remedyFor(event, both).fix),
      [
        { where, line: '"accept_client_events_from": "members"' },
        { where, line: '"allowed_origins": ["a.test","b.test"]' },
      ],
    );
  });

  it("of very many apps lists a few", () => {
    const many = Array.from({ length: 1_000 }, (_, n) => ({
      ...testApp,
      id: `${n}`,
      key: `k${n}`,
    }));
    const unknown: readonly SidecarEvent[] = [
      { kind: "handshake_refused", appId: null, reason: "unknown_key", sent: "other" },
      { kind: "api_app_unknown", sentAppId: "other" },
    ];
    assert.deepEqual(
      unknown.map((event) => remedyFor(event, { ...setting, apps: many }).expected),
      [
        "the key k0 or k1 or k2 or k3 or k4, or another of 1000",
        "the id 0 or 1 or 2 or 3 or 4, or another of 1000",
      ],
    );
  });

  it("of an app that is not there, or that needs no words, says nothing", () => {
    const none = { expected: null, fix: null };
    const event = cases[0]?.event ?? assert.fail();
    assert.deepEqual(remedyFor(event, { ...setting, apps: [] }), none);
    const elsewhere: SidecarEvent = { kind: "api_asked_elsewhere" };
    assert.deepEqual([causeOf(elsewhere), remedyFor(elsewhere, setting)], [null, none]);
  });
});
