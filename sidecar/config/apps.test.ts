import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatErrors, loadConfig } from "../config.ts";
import { describeSettings } from "./describe.ts";
import { input } from "./testing/given.ts";

type Environment = Readonly<Record<string, string>>;
type Files = Readonly<Record<string, string>>;

const path = "/etc/pogo.json";
const one = { app_id: "1", key: "key-1", secret: "secret-1" };
const two = { app_id: "2", key: "key-2", secret: "secret-2" };

/** Loads a config file of this content. */
function load(content: object, env: Environment = {}, files: Files = {}, argv: string[] = []) {
  const given = { argv, env: { POGO_CONFIG: path, ...env } };
  return loadConfig(input({ ...given, files: { [path]: JSON.stringify(content), ...files } }));
}

function configOf(content: object, env: Environment = {}, files: Files = {}) {
  const loaded = load(content, env, files);
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  return loaded.config;
}

/** The first app of a file that has this one. */
function appOf(entry: object, env: Environment = {}, beside: object = {}) {
  const [app] = configOf({ ...beside, apps: [{ ...one, ...entry }] }, env).apps;
  assert.ok(app);
  return app;
}

function errorsOf(content: object, env: Environment = {}, files: Files = {}, argv: string[] = []) {
  const loaded = load(content, env, files, argv);
  assert.equal(loaded.ok, false, "it must not be taken");
  return loaded.ok ? [] : loaded.errors.map(({ name, message }) => `${name}: ${message}`);
}

describe("apps in the config file", () => {
  it("an app needs its id, key and secret; all else has the default", () => {
    assert.deepEqual(configOf({ apps: [one, two] }).apps, [
      { ...appOf({}), id: "1", key: "key-1", secret: "secret-1" },
      { ...appOf({}), id: "2", key: "key-2", secret: "secret-2" },
    ]);
    const single = { POGO_APP_ID: "1", POGO_APP_KEY: "key-1", POGO_APP_SECRET: "secret-1" };
    const loaded = loadConfig(input({ env: single }));
    assert.ok(loaded.ok);
    assert.deepEqual(configOf({ apps: [one] }), loaded.config, "one app either way is the same");
  });

  it("takes an app as it stands in Laravel's config/reverb.php", () => {
    const laravel = {
      key: "laravel-key",
      secret: "laravel-secret",
      app_id: 123456,
      options: { host: "ws.test", port: 443, scheme: "https", useTLS: true },
      allowed_origins: ["app.test", "*.app.test"],
      ping_interval: 60,
      activity_timeout: 30,
      max_connections: null,
      max_message_size: 10000,
      accept_client_events_from: "all",
      rate_limiting: {
        enabled: true,
        max_attempts: 30,
        decay_seconds: 10,
        terminate_on_limit: true,
      },
    };
    const [app] = configOf({ apps: [laravel] }).apps;
    assert.deepEqual(app, {
      ...appOf({}),
      id: "123456",
      key: "laravel-key",
      secret: "laravel-secret",
      allowedOrigins: ["app.test", "*.app.test"],
      pingPeriodMs: 60_000,
      pongWaitMs: 66_667,
      activityTimeoutSeconds: 30,
      acceptClientEventsFrom: "all",
      messageRate: { perSecond: 3, burst: 30 },
      terminateOnLimit: true,
    });
  });

  it("takes our options beside them", () => {
    const app = appOf({
      pong_wait: 90,
      client_msg_rate_limit: 7.5,
      client_msg_rate_burst: 8,
      max_channels_per_connection: 9,
      max_presence_members: 10,
      max_presence_member_size: "1KiB",
      presence_grace: 5,
      subscription_count: true,
      api_publish_rate: 11,
      api_publish_burst: 12,
      max_event_name_length: 13,
      max_event_data: 14,
      max_channels_per_event: 15,
    });
    assert.deepEqual(app, {
      ...appOf({}),
      pongWaitMs: 90_000,
      clientEventRate: { perSecond: 7.5, burst: 8 },
      maxChannelsPerConnection: 9,
      maxPresenceMembers: 10,
      maxPresenceMemberBytes: 1024,
      subscriptionCount: true,
      presenceGraceMs: 5000,
      publishRate: { perSecond: 11, burst: 12 },
      maxEventNameLength: 13,
      maxEventDataBytes: 14,
      maxChannelsPerPublish: 15,
    });
  });

  it("durations may have a unit there too", () => {
    const app = appOf({ ping_interval: "1500ms", pong_wait: "2s", activity_timeout: "1m" });
    assert.deepEqual(
      [app.pingPeriodMs, app.pongWaitMs, app.activityTimeoutSeconds],
      [1500, 2000, 60],
    );
  });

  it("the secret may stand in a file", () => {
    const apps = [{ app_id: "1", key: "key-1", secret_file: "/run/secret" }];
    assert.equal(
      configOf({ apps }, {}, { "/run/secret": "from-file\n" }).apps[0]?.secret,
      "from-file",
    );
  });

  it("an app without a value has the node's: flag, environment, top of the file, default", () => {
    const file = {
      max_message_size: 500,
      app_max_connections: 5,
      apps: [{ ...one, max_message_size: 100 }, two],
    };
    const env = { REVERB_APP_PING_INTERVAL: "20", POGO_MAX_MESSAGE_SIZE: "400" };
    const loaded = load(file, env, {}, ["--client-msg-rate-limit", "3"]);
    assert.ok(loaded.ok);
    const [first, second] = loaded.config.apps;
    assert.equal(first?.maxMessageBytes, 100);
    assert.equal(second?.maxMessageBytes, 400);
    for (const app of [first, second]) {
      assert.equal(app?.maxConnections, 5);
      assert.equal(app?.pingPeriodMs, 20_000);
      assert.equal(app?.clientEventRate.perSecond, 3);
      assert.equal(app?.clientEventRate.burst, 250);
    }
  });

  it("null is no limit where there can be none, and else as if left out", () => {
    const env = { POGO_APP_MAX_CONNECTIONS: "5", POGO_PING_PERIOD: "20s" };
    const app = appOf({ max_connections: null, ping_interval: null, rate_limiting: null }, env);
    assert.equal(app.maxConnections, null);
    assert.equal(app.pingPeriodMs, 20_000);
    assert.equal(app.messageRate, null);
  });

  it("part of rate_limiting leaves the rest to the node", () => {
    const app = appOf(
      { rate_limiting: { enabled: true } },
      { REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS: "6" },
    );
    assert.deepEqual(app.messageRate, { perSecond: 0.1, burst: 6 });
  });

  it("Laravel's credentials in the environment are left alone: its .env names one of the apps", () => {
    const env = { REVERB_APP_ID: "9", REVERB_APP_KEY: "k", REVERB_APP_SECRET: "s" };
    assert.deepEqual(
      configOf({ apps: [one] }, env).apps.map(({ id, key, secret }) => [id, key, secret]),
      [["1", "key-1", "secret-1"]],
    );
  });

  it("nor do they stand in for what an app lacks", () => {
    const env = { REVERB_APP_ID: "9", REVERB_APP_KEY: "k", REVERB_APP_SECRET: "s" };
    assert.deepEqual(
      errorsOf({ apps: [{ app_id: "1" }] }, env).map((error) => error.split(" ")[0]),
      ["apps[0].key", "apps[0].secret"],
    );
  });

  it("null in the place of apps is the one app of the options", () => {
    const file = { app_id: "7", app_key: "k", app_secret: "s", apps: null };
    assert.equal(configOf(file).apps[0]?.id, "7");
  });
});

describe("webhooks of an app", () => {
  const url = "https://one.test/hook";

  it("are a list; events, prefix and secret are each one's own", () => {
    const webhooks = [
      { url, events: ["client_event", "cache_miss"], channel_prefix: "presence-", secret: "own" },
      { url: "/pogo" },
    ];
    const { apps } = configOf({ apps: [{ ...one, webhooks }, two] }).webhooks;
    assert.deepEqual(apps, [
      {
        id: "1",
        key: "key-1",
        endpoints: [
          {
            url,
            events: new Set(["client_event", "cache_miss"]),
            channelPrefix: "presence-",
            secret: "own",
          },
          { url: "/pogo", events: null, channelPrefix: null, secret: "secret-1" },
        ],
      },
      { id: "2", key: "key-2", endpoints: [] },
    ]);
  });

  it("those of the node are those of each app that has no list, signed with that app's secret", () => {
    const env = { POGO_WEBHOOK_URL: url, POGO_WEBHOOK_EVENTS: "cache_miss" };
    const { apps } = configOf(
      { apps: [one, two, { ...one, app_id: "3", key: "k", webhooks: [] }] },
      env,
    ).webhooks;
    const shared = { url, events: new Set(["cache_miss"]), channelPrefix: null };
    assert.deepEqual(
      apps.map(({ endpoints }) => endpoints),
      [[{ ...shared, secret: "secret-1" }], [{ ...shared, secret: "secret-2" }], []],
    );
  });

  it("the secret may stand in a file", () => {
    const apps = [{ ...one, webhooks: [{ url, secret_file: "/s" }] }];
    const { webhooks } = configOf({ apps }, {}, { "/s": "from-file\n" });
    assert.equal(webhooks.apps[0]?.endpoints[0]?.secret, "from-file");
  });

  it("channel_prefix null is all channels, whatever the node's is", () => {
    const apps = [{ ...one, webhooks: [{ url, channel_prefix: null }, { url }] }];
    const { webhooks } = configOf({ apps }, { POGO_WEBHOOK_CHANNEL_PREFIX: "private-" });
    assert.deepEqual(
      webhooks.apps[0]?.endpoints.map(({ channelPrefix }) => channelPrefix),
      [null, "private-"],
    );
  });
});

describe("what is wrong with apps", () => {
  const url = "https://one.test/hook";
  const faults: readonly [string, object, readonly RegExp[]][] = [
    [
      "no list",
      { apps: { app_id: "1" } },
      [/^apps in \/etc\/pogo\.json: a list of at least one app/],
    ],
    ["an empty list", { apps: [] }, [/^apps in \/etc\/pogo\.json: a list of at least one app/]],
    [
      "an entry that is no object",
      { apps: ["1"] },
      [
        /^apps\[0\] in \/etc\/pogo\.json: an object goes here/,
        /^apps\[0\]\.app_id in/,
        /^apps\[0\]\.key in/,
        /^apps\[0\]\.secret in/,
      ],
    ],
    [
      "credentials left out",
      { apps: [one, { app_id: "2" }] },
      [
        /^apps\[1\]\.key in \/etc\/pogo\.json: it is not set; every app has its own\.$/,
        /^apps\[1\]\.secret in \/etc\/pogo\.json: it is not set/,
      ],
    ],
    [
      "an unknown key",
      { apps: [one, { ...two, ping_intervall: 5 }] },
      [
        /^apps\[1\]\.ping_intervall in \/etc\/pogo\.json: there is no such option; did you mean ping_interval\?$/,
      ],
    ],
    [
      "a key that is like none",
      { apps: [{ ...one, constructor: 5 }] },
      [
        /^apps\[0\]\.constructor in .*: there is no such option; docs\/configuration\.md has what an app may have\.$/,
      ],
    ],
    [
      "our name for what is Laravel's here",
      { apps: [{ ...one, ping_period: "5s" }] },
      [/^apps\[0\]\.ping_period in .*: in an app it is ping_interval\.$/],
    ],
    [
      "a flat name for what is nested here",
      { apps: [{ ...one, "rate_limiting.enabled": true, rate_limiting_enabled: true }] },
      [
        /^apps\[0\]\.rate_limiting\.enabled in .*: there is no such option/,
        /: in an app it is rate_limiting\.enabled\.$/,
      ],
    ],
    [
      "an option of the node",
      { apps: [{ ...one, port: 9000 }] },
      [/^apps\[0\]\.port in .*: it holds for all apps together; it goes beside apps/],
    ],
    [
      "a key of an app beside apps",
      { apps: [one], ping_interval: 5, webhooks: [] },
      [
        /^ping_interval in \/etc\/pogo\.json: it goes into an app, in apps; for the one app without apps it is ping_period\.$/,
        /^webhooks in \/etc\/pogo\.json: it goes into an app, .* it is webhook_url, webhook_secret, webhook_events, webhook_channel_prefix\.$/,
      ],
    ],
    [
      "a value that can't be",
      { apps: [one, { ...two, ping_interval: "soon" }] },
      [/^apps\[1\]\.ping_interval in \/etc\/pogo\.json: "soon" is not a number of seconds/],
    ],
    [
      "a value of the wrong shape",
      {
        apps: [
          { ...one, max_connections: {}, allowed_origins: [1], rate_limiting: true, webhooks: {} },
        ],
      },
      [
        /^apps\[0\]\.max_connections in .*: a text, a number/,
        /^apps\[0\]\.allowed_origins in .*: a text, a number/,
        /^apps\[0\]\.rate_limiting in .*: an object goes here/,
        /^apps\[0\]\.webhooks in .*: a list goes here/,
      ],
    ],
    [
      "an empty list of origins, which would not be every origin",
      { apps: [{ ...one, allowed_origins: [] }] },
      [/^apps\[0\]\.allowed_origins in .*: it needs a value\.$/],
    ],
    [
      "a bare number where seconds are not meant",
      { apps: [one], auth_timeout: 3 },
      [/^auth_timeout in \/etc\/pogo\.json: "3" is not a duration/],
    ],
    [
      "deeper down",
      {
        apps: [
          {
            ...one,
            rate_limiting: { enabled: "maybe", max_atempts: 3 },
            webhooks: [
              { url, event: ["cache_miss"] },
              { url: "nowhere" },
              5,
              { events: ["cache_miss"] },
            ],
          },
        ],
      },
      [
        /^apps\[0\]\.rate_limiting\.max_atempts in .*; did you mean max_attempts\?$/,
        /^apps\[0\]\.webhooks\[0\]\.event in .*; did you mean events\?$/,
        /^apps\[0\]\.webhooks\[2\] in .*: an object goes here/,
        /^apps\[0\]\.rate_limiting\.enabled in .*: "maybe" is not true or false/,
        /^apps\[0\]\.webhooks\[1\]\.url in .*: its value \(hidden\) is not/,
        /^apps\[0\]\.webhooks\[2\]\.url in .*: it is not set; a webhook needs one\.$/,
        /^apps\[0\]\.webhooks\[3\]\.url in .*: it is not set; a webhook needs one\.$/,
      ],
    ],
    [
      "an id or a key twice",
      { apps: [one, { ...two, app_id: 1 }, { ...two, app_id: "3" }] },
      [
        /^apps\[1\]\.app_id in \/etc\/pogo\.json: apps\[0\] has the id "1" too; each app needs its own\.$/,
        /^apps\[2\]\.key in \/etc\/pogo\.json: apps\[1\] has the key "key-2" too/,
      ],
    ],
    [
      "a secret twice",
      { apps: [{ ...one, secret_file: "/s" }] },
      [/^apps\[0\]\.secret in .*: it is given twice, as a value and as a file/],
    ],
    [
      "a secret file that is not there",
      { apps: [{ app_id: "1", key: "k", secret_file: "/gone" }] },
      [/^apps\[0\]\.secret_file in \/etc\/pogo\.json: "\/gone": it can't be read/],
    ],
    [
      "options that contradict each other, in the app that they are of",
      {
        upstream: "none",
        apps: [
          one,
          {
            ...two,
            pong_wait: 20,
            webhooks: [{ url }, { url: "/hook", events: ["subscription_count"] }],
          },
        ],
      },
      [
        /^apps\[1\]\.pong_wait in \/etc\/pogo\.json: 20s is not longer than the ping period \(54s\)/,
        /^apps\[1\]\.webhooks\[1\]\.url in .*: it is a path on the upstream, and POGO_UPSTREAM is none/,
        /^apps\[1\]\.webhooks\[1\]\.events in .*: subscription_count would never be sent/,
      ],
    ],
  ];
  for (const [name, content, messages] of faults) {
    it(`${name}: refused`, () => {
      const errors = errorsOf(content);
      assert.equal(errors.length, messages.length, errors.join("\n"));
      for (const [index, message] of messages.entries()) assert.match(errors[index] ?? "", message);
    });
  }

  it("comes with all else that is wrong, and once where several apps have it of the node", () => {
    const content = { prot: 1, apps: [{ ...one, max_message_size: 0 }, two] };
    const errors = errorsOf(content, { POGO_PING_PERIOD: "x", POGO_PORT: "y" });
    assert.deepEqual(
      errors.map((error) => error.slice(0, error.indexOf(": "))),
      [
        "prot in /etc/pogo.json",
        "POGO_PING_PERIOD",
        "apps[0].max_message_size in /etc/pogo.json",
        "POGO_PORT",
      ],
    );
  });

  it("an app beside them, in our words, is a contradiction", () => {
    const env = { POGO_APP_ID: "9", POGO_APP_KEY: "", POGO_APP_SECRET_FILE: "/s" };
    const files = { "/s": "s" };
    const errors = errorsOf({ apps: [one], app_key: "k" }, env, files, ["--app-id=9"]);
    const message = `the apps are those under apps in ${path}. Leave it out, or move the app there.`;
    assert.deepEqual(errors, [
      `--app-id: ${message}`,
      `POGO_APP_ID: ${message}`,
      `app_key in ${path}: ${message}`,
      `POGO_APP_SECRET_FILE: ${message}`,
    ]);
  });

  it("quotes no secret", () => {
    const secrets = [
      { ...one, secret: "hunter2 \n" },
      { ...two, secert: "hunter2" },
      { ...one, app_id: "3", secret: { of: "hunter2" } },
      { ...one, app_id: "4", webhooks: [{ url: "https://u:hunter2@x/ y", secret: "hunter2 " }] },
    ];
    assert.doesNotMatch(errorsOf({ apps: secrets }).join("\n"), /hunter2/);
  });
});

describe("check, with several apps", () => {
  const loaded = load(
    { port: 9000, apps: [{ ...one, ping_interval: 20, webhooks: [{ url: "/a" }] }, two] },
    {
      POGO_MAX_MESSAGE_SIZE: "400",
    },
  );
  assert.ok(loaded.ok);
  const printed = describeSettings(loaded.settings);
  const [node = "", first = "", second = ""] = printed.split(/\n\n(?=App )/);

  it("prints each app under its own heading, with where each value came from", () => {
    assert.match(first, /^App 1 \(apps\[0\]\)$/m);
    assert.match(first, /^ {2}ping_interval +20s +apps\[0\]\.ping_interval in \/etc\/pogo\.json$/m);
    assert.match(first, /^ {2}max_message_size +400 +POGO_MAX_MESSAGE_SIZE$/m);
    assert.match(
      first,
      /^ {2}webhooks\[0\]\.url +\/… +apps\[0\]\.webhooks\[0\]\.url in \/etc\/pogo\.json$/m,
    );
    assert.match(second, /^App 2 \(apps\[1\]\)$/m);
    assert.match(second, /^ {2}ping_interval +54s +default$/m);
    assert.match(second, /^ {2}webhooks\[\]\.url +\(empty\) +default$/m);
  });

  it("prints what is in force for the node apart from them, and no heading without rows", () => {
    assert.match(node, /^ {2}port +9000 +port in \/etc\/pogo\.json$/m);
    assert.doesNotMatch(node, /ping_|max_message_size|^App$|^Client messages$/m);
    assert.match(node, /^Webhooks\n {2}webhook_batch_window/m);
  });

  it("hides every secret", () => {
    assert.match(first, /^ {2}secret +\(hidden\) +apps\[0\]\.secret in/m);
    assert.match(first, /^ {2}webhooks\[0\]\.secret +\(hidden\) +default: the app's secret$/m);
    assert.doesNotMatch(printed, /secret-[12]/);
  });
});

describe("apps that broadcast over Redis", () => {
  const on = (prefix: string) => ({ redis_broadcasts: true, redis_broadcasts_prefix: prefix });

  it("each has its prefix; the others take nothing from there", () => {
    const { redis, redisBroadcasts } = configOf(
      { apps: [{ ...one, ...on("shop-database-") }, two] },
      { REDIS_HOST: "redis" },
    );
    assert.equal(redis, null, "it is one node all the same");
    assert.deepEqual(redisBroadcasts?.apps, [{ id: "1", prefix: "shop-database-" }]);
    assert.deepEqual(redisBroadcasts.redis.servers, {
      kind: "standalone",
      host: "redis",
      port: 6379,
    });
  });

  it("without the option Laravel's Redis is not looked at", () => {
    assert.equal(configOf({ apps: [one] }, { REDIS_HOST: "redis" }).redisBroadcasts, null);
  });

  it("an empty prefix is one; two that begin alike are a contradiction", () => {
    assert.deepEqual(configOf({ apps: [{ ...one, ...on("") }] }).redisBroadcasts?.apps, [
      { id: "1", prefix: "" },
    ]);
    assert.deepEqual(
      errorsOf({
        apps: [
          { ...one, ...on("a_") },
          { ...two, ...on("a_b_") },
        ],
      }),
      [
        `apps[1].redis_broadcasts_prefix in ${path}: "a_b_" and apps[0]'s "a_" begin alike: an event would be both apps'. Give each Laravel app a prefix of its own (REDIS_PREFIX).`,
      ],
    );
  });

  it("contradictions about Redis are errors even if only broadcasts need it", () => {
    const env = { POGO_SCALING_ENABLED: "false", POGO_REDIS_TLS_CA: "/ca.pem" };
    assert.match(errorsOf({ apps: [{ ...one, ...on("a_") }] }, env)[0] ?? "", /no TLS to Redis/);
  });
});

describe("answers without a signature", () => {
  const warningsOf = (upstream: string) => {
    const loaded = load(
      { apps: [{ ...one, trust_unsigned_auth: true }, two] },
      { POGO_UPSTREAM: upstream },
    );
    assert.ok(loaded.ok);
    return loaded.warnings.map(({ name }) => name);
  };

  it("of an app on another host are warned of", () => {
    assert.deepEqual(warningsOf("http://app:8000"), [`apps[0].trust_unsigned_auth in ${path}`]);
  });

  it("of one on this machine, or of none, are not", () => {
    for (const upstream of [
      "http://127.0.0.1:8000",
      "http://localhost:8000",
      "unix:/run/app.sock",
      "none",
    ]) {
      assert.deepEqual(warningsOf(upstream), [], upstream);
    }
  });
});
