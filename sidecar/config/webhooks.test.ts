import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeSettings } from "./describe.ts";
import { configOf, errorsOf, load } from "./testing/given.ts";
import { webhookUrls } from "./parsers/webhooks.ts";

const url = "https://app.test/webhooks";

function endpointsOf(env: Readonly<Record<string, string>>) {
  return configOf({ env }).webhooks.apps[0]?.endpoints;
}

describe("webhook options", () => {
  it("a URL is all that is needed: all events of all channels, signed with the app's secret", () => {
    assert.deepEqual(configOf({ env: { POGO_WEBHOOK_URL: url } }).webhooks.apps, [
      {
        id: "1",
        key: "key",
        endpoints: [{ url, events: null, channelPrefix: null, secret: "secret" }],
      },
    ]);
  });

  it("several endpoints share events, prefix and secret", () => {
    const shared = {
      events: new Set(["channel_occupied", "cache_miss"]),
      channelPrefix: "presence-",
      secret: "of-its-own",
    };
    assert.deepEqual(
      endpointsOf({
        POGO_WEBHOOK_URL: `${url}, /pogo/events?from=sidecar`,
        POGO_WEBHOOK_EVENTS: "channel_occupied,cache_miss",
        POGO_WEBHOOK_CHANNEL_PREFIX: "presence-",
        POGO_WEBHOOK_SECRET: "of-its-own",
      }),
      [
        { url, ...shared },
        { url: "/pogo/events?from=sidecar", ...shared },
      ],
    );
  });

  it("knows every event there is", () => {
    const events =
      "channel_occupied channel_vacated member_added member_removed client_event cache_miss subscription_count user_connected user_disconnected".split(
        " ",
      );
    const env = {
      POGO_WEBHOOK_URL: url,
      POGO_WEBHOOK_EVENTS: events.join(),
      POGO_SUBSCRIPTION_COUNT: "true",
    };
    assert.deepEqual([...(endpointsOf(env)?.[0]?.events ?? [])], events);
    const all = { POGO_WEBHOOK_URL: url, POGO_WEBHOOK_EVENTS: "all" };
    assert.equal(endpointsOf(all)?.[0]?.events, null);
  });

  it("the secret comes from a file too, and is in nothing that is printed", () => {
    const loaded = load({
      env: { POGO_WEBHOOK_URL: url, POGO_WEBHOOK_SECRET_FILE: "/s" },
      files: { "/s": "hunter2\n" },
    });
    assert.ok(loaded.ok);
    assert.equal(loaded.config.webhooks.apps[0]?.endpoints[0]?.secret, "hunter2");
    assert.doesNotMatch(describeSettings(loaded.settings), /hunter2/);
  });

  it("a URL's password, path and query are not printed, for they are secrets at times", () => {
    const urls = "https://me:hunter2@app.test/hook?token=hunter3,/hook?token=hunter4";
    const loaded = load({ env: { POGO_WEBHOOK_URL: urls } });
    assert.ok(loaded.ok);
    const printed = describeSettings(loaded.settings);
    assert.match(printed, /webhook_url +https:\/\/…@app\.test\/…,\/… +POGO_WEBHOOK_URL/);
    const refused = errorsOf({
      env: { POGO_WEBHOOK_URL: "htps://me:hunter2@app.test/hook?token=hunter3" },
    });
    assert.doesNotMatch(printed + refused.join(), /hunter/);
  });

  it("set the limits of the queues", () => {
    const { webhooks } = configOf({
      env: {
        POGO_WEBHOOK_BATCH_WINDOW: "0",
        POGO_WEBHOOK_GRACE: "0s",
        POGO_WEBHOOK_QUEUE_SIZE: "7",
        POGO_WEBHOOK_TIMEOUT: "2s",
        POGO_WEBHOOK_RETRY_FOR: "1h",
      },
    });
    const { apps: _, ...limits } = webhooks;
    assert.deepEqual(limits, {
      batchWindowMs: 0,
      graceMs: 0,
      maxQueuedEvents: 7,
      timeoutMs: 2000,
      retry: { giveUpAfterMs: 3_600_000 },
    });
  });

  const faults: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
    [
      "an unknown event",
      { POGO_WEBHOOK_EVENTS: "channel_occupied,channel_closed" },
      /^POGO_WEBHOOK_EVENTS: .*"channel_closed" is not one of channel_occupied, .*user_disconnected\.$/,
    ],
    ["no event at all", { POGO_WEBHOOK_EVENTS: "," }, /^POGO_WEBHOOK_EVENTS: .*leave the URL out/],
    [
      "a prefix that no channel can have",
      { POGO_WEBHOOK_CHANNEL_PREFIX: "private-*" },
      /^POGO_WEBHOOK_CHANNEL_PREFIX: "private-\*" is not .*, or none/,
    ],
    [
      "another scheme",
      { POGO_WEBHOOK_URL: "ftp://x/" },
      /^POGO_WEBHOOK_URL: its value \(hidden\) is not .*: item 1 is not an http/,
    ],
    [
      "a host without a scheme",
      { POGO_WEBHOOK_URL: "//app.test/hook" },
      /^POGO_WEBHOOK_URL: .*a host goes behind http:\/\/ or https:\/\//,
    ],
    [
      "a path where there is no upstream",
      { POGO_WEBHOOK_URL: `${url},/hook`, POGO_UPSTREAM: "none" },
      /^POGO_WEBHOOK_URL: URL 2 is a path on the upstream, and POGO_UPSTREAM is none/,
    ],
    [
      "counts that are asked for and not made",
      { POGO_WEBHOOK_URL: url, POGO_WEBHOOK_EVENTS: "cache_miss,subscription_count" },
      /^POGO_WEBHOOK_EVENTS: subscription_count .*POGO_SUBSCRIPTION_COUNT/,
    ],
  ];
  for (const [name, env, message] of faults) {
    it(`${name}: refused`, () => {
      const errors = errorsOf({ env });
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.match(errors[0] ?? "", message);
    });
  }

  it("no error repeats a URL, whose path and query may be secrets", () => {
    for (const wrong of [
      "hooks.test/hunter2",
      "https://hooks.test/hunter2 x",
      "hunter2?t=hunter2",
    ]) {
      const errors = errorsOf({ env: { POGO_WEBHOOK_URL: `${url},${wrong}` } });
      assert.match(errors.join(), /item 2 is not|encoded/);
      assert.doesNotMatch(errors.join(), /hunter2/);
    }
    const path = { POGO_WEBHOOK_URL: "/hunter2", POGO_UPSTREAM: "none" };
    assert.doesNotMatch(errorsOf({ env: path }).join(), /hunter2/);
  });

  it("all events, by default, is no wish for counts", () => {
    assert.equal(endpointsOf({ POGO_WEBHOOK_URL: url })?.length, 1);
  });
});

describe("the URL of a webhook", () => {
  const taken = [
    "http://app.test",
    "https://app.test:8443/a/b?c=d&e=%20",
    "https://user:pass%40word@app.test/",
    "http://[::1]:9000/hook",
    "HTTPS://APP.TEST/",
    "/",
    "/hook?x=1",
  ];
  for (const text of taken) {
    it(`${text} is one`, () => {
      assert.deepEqual(webhookUrls.parse(text), { ok: true, value: [text] });
    });
  }

  const refused = [
    "app.test/hook",
    "hook",
    "https://",
    "https:///hook",
    "https:app.test",
    "https://app.test:99999/",
    "https://app.test/a b",
    "https://app.test/#part",
    "https://app.test\n/",
    "https://%zz:x@app.test/",
    "https://%ff:x@app.test/",
    "ws://app.test/",
    "unix:/run/x.sock",
    "//app.test/hook",
    "/a b",
    "/a\\b",
    "/a#b",
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text)} is none`, () => {
      assert.equal(webhookUrls.parse(text).ok, false);
    });
  }
});
