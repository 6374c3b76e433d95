import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { loadAdmin, loadConfig, formatErrors } from "../config.ts";
import { describeSettings } from "./describe.ts";
import { availableCores } from "./parsers/cores.ts";
import { allOptions, nodeTable, table } from "./table/table.ts";
import { readAll } from "./table/values.ts";
import { configOf, errorsOf, input, load, sourceOf, type Given } from "./testing/given.ts";

describe("with Laravel's credentials and nothing else", () => {
  it("is the table's defaults, in one app on one node", () => {
    const defaults = readAll(table, ({ fallback }) => fallback);
    const { rateLimiting, ...app } = defaults.app;
    const { apps, redis, redisBroadcasts, ...node } = configOf();
    assert.deepEqual(apps, [
      { ...app, id: "1", key: "key", secret: "secret", messageRate: null, publishRate: null },
    ]);
    assert.equal(rateLimiting.enabled, false);
    assert.deepEqual([redis, redisBroadcasts], [null, null]);
    const { webhooks, ...rest } = readAll(nodeTable, ({ fallback }) => fallback);
    const endpoints = { apps: [{ id: "1", key: "key", endpoints: [] }] };
    assert.deepEqual(node, { ...rest, webhooks: { ...webhooks, ...endpoints } });
  });

  it("reads every option of the table, and says where each came from", () => {
    const loaded = load();
    assert.ok(loaded.ok);
    assert.deepEqual(
      loaded.settings.map(({ option }) => option.key),
      allOptions.map(({ key }) => key),
    );
    const given = loaded.settings.filter(({ source }) => !source.startsWith("default"));
    assert.deepEqual(
      given.map(({ source }) => source),
      ["REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET"],
    );
  });
});

describe("D8: precedence", () => {
  const file = { "/pogo.json": '{"port": 1004, "client_msg_rate_limit": 4}' };
  const everywhere = {
    argv: ["--config", "/pogo.json", "--port", "1001"],
    env: { POGO_PORT: "1002", REVERB_SERVER_PORT: "1003" },
    files: file,
  };
  const steps: readonly [string, Given, number, string][] = [
    ["a flag wins over all", everywhere, 1001, "--port"],
    ["then our name", { ...everywhere, argv: ["--config=/pogo.json"] }, 1002, "POGO_PORT"],
    [
      "then Laravel's",
      { env: { POGO_CONFIG: "/pogo.json", REVERB_SERVER_PORT: "1003" }, files: file },
      1003,
      "REVERB_SERVER_PORT",
    ],
    [
      "then the file",
      { env: { POGO_CONFIG: "/pogo.json" }, files: file },
      1004,
      "port in /pogo.json",
    ],
    ["then the default", {}, 8080, "default"],
  ];
  for (const [name, given, port, source] of steps) {
    it(name, () => {
      assert.equal(configOf(given).server.port, port);
      assert.equal(sourceOf("port", given), source);
    });
  }

  it("the original's name in the environment comes after POGO_…", () => {
    const env = { POGO_WS_CLIENT_MSG_RATE_LIMIT: "7" };
    assert.equal(configOf({ env }).apps[0]?.clientEventRate.perSecond, 7);
    const both = { ...env, POGO_CLIENT_MSG_RATE_LIMIT: "8" };
    assert.equal(configOf({ env: both }).apps[0]?.clientEventRate.perSecond, 8);
  });

  it("OpenTelemetry's name comes after POGO_…, and is left out with a warning where it is for the app alone", () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
    assert.equal(configOf({ env }).tracing.endpoint?.host, "collector:4318");
    const both = { ...env, POGO_TRACE_ENDPOINT: "none" };
    assert.equal(configOf({ env: both }).tracing.endpoint, null);

    const ofApp = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317",
      OTEL_TRACES_SAMPLER: "jaeger_remote",
      OTEL_SERVICE_NAME: "null",
    };
    const loaded = load({ env: ofApp });
    assert.ok(loaded.ok);
    const { endpoint, sampler, serviceName } = loaded.config.tracing;
    assert.deepEqual(
      [endpoint, sampler, serviceName],
      [null, "parentbased_always_on", "pogo-sidecar"],
    );
    assert.deepEqual(loaded.warnings.map(({ name }) => name).toSorted(), [
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_TRACES_SAMPLER",
    ]);
    assert.match(loaded.warnings[0]?.message ?? "", /4318.*POGO_TRACE_ENDPOINT/);
    assert.equal(sourceOf("trace_endpoint", { env: ofApp }), "default");
    const own = { POGO_TRACE_ENDPOINT: "http://collector:4317" };
    assert.match(errorsOf({ env: own }).join(), /4317 is gRPC's port/);
  });

  it("a --config flag wins over POGO_CONFIG", () => {
    const files = { "/a.json": '{"port": 1}', "/b.json": '{"port": 2}' };
    const given = { argv: ["--config", "/b.json"], env: { POGO_CONFIG: "/a.json" }, files };
    assert.equal(configOf(given).server.port, 2);
  });

  it("an error in a place that would have won is an error, not a reason to look further", () => {
    assert.match(errorsOf({ ...everywhere, argv: ["--port", "x"] })[0] ?? "", /^--port: "x"/);
  });
});

describe("empty values", () => {
  it("count as not set", () => {
    assert.equal(
      configOf({ env: { POGO_PORT: "", REVERB_SERVER_PORT: "9000" } }).server.port,
      9000,
    );
    assert.equal(configOf({ env: { POGO_PORT: "  " } }).server.port, 8080);
  });

  it("are a value where that means something: no path, no proxies, no limit", () => {
    const files = {
      "/c": '{"path": "ws", "trusted_proxies": ["10.0.0.1"], "app_max_connections": 5}',
    };
    const config = configOf({
      env: {
        POGO_CONFIG: "/c",
        POGO_PATH: "",
        POGO_TRUSTED_PROXIES: "",
        REVERB_APP_MAX_CONNECTIONS: "",
      },
      files,
    });
    assert.equal(config.server.pathPrefix, "");
    assert.deepEqual(config.forwarding.trustedProxies, []);
    assert.equal(config.apps[0]?.maxConnections, null);
  });

  it("are a mistake in a flag, which somebody wrote by hand", () => {
    assert.deepEqual(errorsOf({ argv: ["--port="] }), ["--port: it needs a value."]);
  });

  it("of an unknown name are left alone, as compose files make them", () => {
    assert.equal(configOf({ env: { POGO_FUTURE_OPTION: "" } }).server.port, 8080);
  });
});

describe("Laravel's names", () => {
  it("count bare numbers in seconds, as there", () => {
    const env = { REVERB_APP_PING_INTERVAL: "60", REVERB_APP_ACTIVITY_TIMEOUT: "45" };
    const [app] = configOf({ env }).apps;
    assert.equal(app?.pingPeriodMs, 60_000);
    assert.equal(app?.activityTimeoutSeconds, 45);
  });

  it("take null, (null) and empty for not set, as env() does", () => {
    for (const nothing of ["null", "(null)", "NULL", "(empty)", "empty", ""]) {
      const env = { REVERB_SERVER_PORT: nothing, REVERB_APP_MAX_CONNECTIONS: nothing };
      assert.equal(configOf({ env }).server.port, 8080);
      assert.equal(configOf({ env }).apps[0]?.maxConnections, null);
    }
  });

  it("carry Reverb's options of an app", () => {
    const env = {
      REVERB_SERVER_PATH: "ws/",
      REVERB_ALLOWED_ORIGINS: "shop.test,*.shop.test",
      REVERB_APP_MAX_CONNECTIONS: "100",
      REVERB_APP_MAX_MESSAGE_SIZE: "20000",
      REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM: "all",
      REVERB_APP_RATE_LIMITING_ENABLED: "(true)",
      REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS: "30",
      REVERB_APP_RATE_LIMIT_DECAY_SECONDS: "10",
      REVERB_APP_RATE_LIMIT_TERMINATE: "1",
    };
    const { server, apps } = configOf({ env });
    assert.equal(server.pathPrefix, "/ws");
    assert.deepEqual(apps[0]?.allowedOrigins, ["shop.test", "*.shop.test"]);
    assert.equal(apps[0]?.maxConnections, 100);
    assert.equal(apps[0]?.maxMessageBytes, 20_000);
    assert.equal(apps[0]?.acceptClientEventsFrom, "all");
    assert.deepEqual(apps[0]?.messageRate, { perSecond: 3, burst: 30 });
    assert.equal(apps[0]?.terminateOnLimit, true);
  });

  it("that do not begin with POGO_ are ignored", () => {
    const env = { REVERB_HOST: "ws.test", REVERB_PORT: "443", REDIS_CLIENT: "phpredis" };
    assert.equal(
      configOf({ env: { ...env, REVERB_UNHEARD_OF: "x", PUSHER_APP_ID: "2" } }).server.port,
      8080,
    );
  });

  it("FORCE_FETCH_PATH is refused, since the proxy's library would obey it", () => {
    const [error] = errorsOf({ env: { FORCE_FETCH_PATH: "true" } });
    assert.match(error ?? "", /^FORCE_FETCH_PATH: .*Leave it out/);
    assert.ok(load({ env: { FORCE_FETCH_PATH: "" } }).ok);
  });
});

describe("the secret", () => {
  const withoutSecret = { REVERB_APP_SECRET: "" };

  it("comes from a file, one line break at its end left out", () => {
    const files = { "/run/secret": "from-file\n" };
    for (const name of ["POGO_APP_SECRET_FILE", "REVERB_APP_SECRET_FILE"]) {
      const given = { env: { ...withoutSecret, [name]: "/run/secret" }, files };
      assert.equal(configOf(given).apps[0]?.secret, "from-file");
      assert.equal(sourceOf("app_secret", given), `${name} (/run/secret)`);
    }
    const given = { argv: ["--app-secret-file", "/run/secret"], files };
    assert.equal(configOf(given).apps[0]?.secret, "from-file");
  });

  it("of a file wins over Laravel's value, as our names do", () => {
    const given = { env: { POGO_APP_SECRET_FILE: "/s" }, files: { "/s": "of-the-file" } };
    assert.equal(configOf(given).apps[0]?.secret, "of-the-file");
  });

  const faults: readonly [string, Given, RegExp][] = [
    [
      "given as value and file is an error",
      { env: { POGO_APP_SECRET: "a", POGO_APP_SECRET_FILE: "/s" }, files: { "/s": "b" } },
      /^POGO_APP_SECRET: it is given twice, as a value and as a file/,
    ],
    [
      "in a file that is not there",
      { env: { POGO_APP_SECRET_FILE: "/gone" } },
      /^POGO_APP_SECRET_FILE: "\/gone": it can't be read: there is no such file\.$/,
    ],
    [
      "in an empty file",
      { env: { POGO_APP_SECRET_FILE: "/s" }, files: { "/s": "\n" } },
      /^POGO_APP_SECRET_FILE: "\/s": the file is empty\.$/,
    ],
    [
      "with a line break, as a Kubernetes secret made with echo has",
      { env: { POGO_APP_SECRET: "hunter2\n" } },
      /^POGO_APP_SECRET: its value \(hidden\) is not text without white space: .*echo -n/,
    ],
    [
      "in quotes, as docker's --env-file keeps them",
      { env: { POGO_APP_SECRET: '"hunter2"' } },
      /^POGO_APP_SECRET: the quotes around it are part of the value/,
    ],
  ];
  for (const [name, given, message] of faults) {
    it(name, () => {
      const errors = errorsOf(given);
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? "", message);
      assert.doesNotMatch(errors.join(), /hunter2/);
    });
  }
});

describe("the config file", () => {
  const faults: readonly [string, string, RegExp][] = [
    ["that is no JSON", '{"app_secret": hunter2}', /^"\/c": it is not JSON/],
    ["that is a list", "[]", /^"\/c": it must hold one JSON object/],
    ["that is a number", "1", /^"\/c": it must hold one JSON object/],
    [
      "with an unknown key",
      '{"prot": 1}',
      /^prot in \/c: there is no such option; did you mean port\?/,
    ],
    ["with an object for a value", '{"port": {}}', /^port in \/c: a text, a number/],
    [
      "with numbers in a list",
      '{"allowed_origins": [1]}',
      /^allowed_origins in \/c: a text, a number/,
    ],
    [
      "with a value that can't be",
      '{"port": 70000}',
      /^port in \/c: "70000" is not a whole number/,
    ],
    [
      "with a duration without a unit",
      '{"ping_period": 54}',
      /^ping_period in \/c: "54" is not a duration/,
    ],
    [
      "with a directive of the original",
      '{"num_shards": 4}',
      /^num_shards in \/c: the original's num_shards/,
    ],
  ];
  for (const [name, text, message] of faults) {
    it(`${name} is refused`, () => {
      const errors = errorsOf({ argv: ["--config", "/c"], files: { "/c": text } });
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? "", message);
      assert.doesNotMatch(errors[0] ?? "", /hunter2/);
    });
  }

  it("that is not there is the one error: what seems to be missing may be in it", () => {
    const loaded = loadConfig(input({ argv: ["--config", "/gone.json"] }));
    assert.equal(loaded.ok, false);
    const names = loaded.ok ? [] : loaded.errors.map(({ name, message }) => `${name}: ${message}`);
    assert.deepEqual(names, ['"/gone.json": it can\'t be read: there is no such file.']);
  });

  it("takes texts, numbers, booleans, lists and null", () => {
    const text = JSON.stringify({
      port: 9000,
      upstream: "none",
      rate_limiting_enabled: true,
      allowed_origins: ["a.test", "b.test"],
      ping_period: null,
    });
    const config = configOf({ argv: ["--config", "/c"], files: { "/c": text } });
    assert.equal(config.server.port, 9000);
    assert.equal(config.upstream.address, null);
    assert.deepEqual(config.apps[0]?.messageRate, { perSecond: 1, burst: 60 });
    assert.deepEqual(config.apps[0]?.allowedOrigins, ["a.test", "b.test"]);
    assert.equal(config.apps[0]?.pingPeriodMs, 54_000);
  });
});

describe("flags", () => {
  it("switches need no value, and take one after =", () => {
    const on = configOf({ argv: ["--rate-limiting-enabled", "--port", "9000"] });
    assert.notEqual(on.apps[0]?.messageRate, null);
    assert.equal(on.server.port, 9000);
    const off = configOf({
      argv: ["--rate-limiting-enabled=false"],
      env: { POGO_RATE_LIMITING_ENABLED: "true" },
    });
    assert.equal(off.apps[0]?.messageRate, null);
  });

  const faults: readonly [string, readonly string[], readonly RegExp[]][] = [
    [
      "an unknown one",
      ["--prot", "9000"],
      [/^--prot: there is no such option; did you mean --port\?$/],
    ],
    [
      "one that is like none",
      ["--xyzzy"],
      [/^--xyzzy: there is no such option; pogo-sidecar help --all lists them\.$/],
    ],
    ["one without a value", ["--port"], [/^--port: it needs a value\.$/]],
    ["one given twice", ["--port", "1", "--port", "2"], [/^--port: it is given twice\.$/]],
    [
      "a stray word, perhaps the secret that a blank cut off,",
      ["--app-secret=", "hunter2", "--port", "1"],
      [/^--app-secret: it needs a value/, /^argument 2: it is no flag: these start with --, /],
    ],
    ["one with a single -", ["-hunter2"], [/^argument 1: it is no flag/]],
    ["one that every object has", ["--constructor"], [/^--constructor: there is no such option/]],
    [
      "two at once",
      ["--prot=1", "--num-shards=x"],
      [
        /^--prot: /,
        /^--num-shards: the original's num_shards is no option here: one event loop serves/,
      ],
    ],
  ];
  for (const [name, argv, messages] of faults) {
    it(`${name} is refused`, () => {
      const errors = errorsOf({ argv });
      assert.equal(errors.length, messages.length, errors.join("\n"));
      for (const message of messages) {
        assert.ok(
          errors.some((error) => message.test(error)),
          errors.join("\n"),
        );
      }
      assert.doesNotMatch(errors.join("\n"), /hunter2/);
    });
  }
});

describe("a value that Laravel would have put in", () => {
  it("is an error with the line that mends it", () => {
    const env = { REVERB_APP_KEY: "${PUSHER_APP_KEY}", PUSHER_APP_KEY: "abc" };
    assert.deepEqual(errorsOf({ env }), [
      "REVERB_APP_KEY: ${PUSHER_APP_KEY} in it is not expanded, as only Laravel and --env-file do. Write REVERB_APP_KEY=abc",
    ]);
  });

  it("is one within its quotes too, and names what it does not know", () => {
    const [error] = errorsOf({ env: { REVERB_APP_KEY: '"${PUSHER_APP_KEY}"' } });
    assert.match(error ?? "", /Write REVERB_APP_KEY=<the value of PUSHER_APP_KEY>$/);
  });

  it("is not shown if it is a secret", () => {
    const env = { REVERB_APP_SECRET: "${PUSHER_APP_SECRET}", PUSHER_APP_SECRET: "hunter2" };
    const [error] = errorsOf({ env });
    assert.match(error ?? "", /Write REVERB_APP_SECRET=<the value of PUSHER_APP_SECRET>$/);
    assert.doesNotMatch(error ?? "", /hunter2/);
  });

  it("of another's name is nobody's business", () => {
    configOf({ env: { VITE_REVERB_APP_KEY: "${REVERB_APP_KEY}" } });
  });
});

describe("unknown names in the environment", () => {
  const faults: Readonly<Record<string, RegExp>> = {
    POGO_PROT: /there is no such option; did you mean POGO_PORT\?$/,
    POGO_ALOWED_ORIGINS: /did you mean POGO_ALLOWED_ORIGINS\?$/,
    POGO_APP_SECERT: /did you mean POGO_APP_SECRET\?$/,
    POGO_SOMETHING_ELSE_ENTIRELY: /there is no such option; pogo-sidecar help --all lists them\.$/,
    POGO_WS_PING_PERIOD: /here it is POGO_PING_PERIOD\.$/,
    POGO_OUTBOUND_QUEUE_SIZE:
      /counted messages in the original \(256\).* Set POGO_OUTBOUND_QUEUE_BYTES instead\.$/,
    POGO_AUTH_SCRIPT: /the app itself is asked over HTTP.*Remove it\.$/,
    POGO_NUM_SHARDS: /there are no shards\. Remove it\.$/,
    POGO_WRITE_BURST_SIZE: /one write per turn of the event loop\. Remove it\.$/,
    POGO_WS_REDIS_HOST: /here it is POGO_REDIS_HOST\.$/,
    POGO_WS_FANOUT_MODE: /removed from the original too/,
  };
  for (const [name, message] of Object.entries(faults)) {
    it(`${name} is refused with what to do, its value never shown`, () => {
      const errors = errorsOf({ env: { [name]: "hunter2" } });
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? "", message);
      assert.ok(errors[0]?.startsWith(`${name}: `));
      assert.doesNotMatch(errors[0] ?? "", /hunter2/);
    });
  }

  it("the variables of Kubernetes for Services named pogo, pogo-admin and reverb-server are not options", () => {
    const env = {
      POGO_SERVICE_HOST: "10.0.0.7",
      POGO_SERVICE_PORT: "80",
      POGO_SERVICE_PORT_HTTP: "80",
      POGO_PORT: "tcp://10.0.0.7:80",
      POGO_PORT_80_TCP: "tcp://10.0.0.7:80",
      POGO_PORT_80_TCP_PROTO: "tcp",
      POGO_PORT_80_TCP_PORT: "80",
      POGO_PORT_80_TCP_ADDR: "10.0.0.7",
      POGO_ADMIN_PORT: "tcp://10.0.0.8:2019",
      REVERB_SERVER_PORT: "tcp://10.0.0.9:8080",
    };
    const { server, admin } = configOf({ env });
    assert.equal(server.port, 8080);
    assert.equal(admin.port, 2019);
  });
});

describe("options that contradict each other", () => {
  it("pong_wait follows a changed ping period", () => {
    assert.equal(configOf({ env: { POGO_PING_PERIOD: "27s" } }).apps[0]?.pongWaitMs, 30_000);
    assert.equal(configOf({ env: { POGO_PING_PERIOD: "1ms" } }).apps[0]?.pongWaitMs, 2);
  });

  it("drain_window follows a short shutdown timeout", () => {
    const drainWindow = (env: Record<string, string>) => configOf({ env }).server.drainWindowMs;
    assert.equal(drainWindow({ POGO_SHUTDOWN_TIMEOUT: "3s" }), 1_500);
    assert.equal(drainWindow({ POGO_SHUTDOWN_TIMEOUT: "1m" }), 2_000);
    assert.equal(drainWindow({ POGO_DRAIN_WINDOW: "5s" }), 5_000);
    assert.equal(drainWindow({ POGO_DRAIN_WINDOW: "0" }), 0);
  });

  const conflicts: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
    [
      "pong_wait must be longer than ping_period",
      { POGO_PONG_WAIT: "54s" },
      /^POGO_PONG_WAIT: 54s is not longer than the ping period \(54s\)/,
    ],
    [
      "drain_window must be shorter than shutdown_timeout",
      { POGO_DRAIN_WINDOW: "5s", POGO_SHUTDOWN_TIMEOUT: "5s" },
      /^POGO_DRAIN_WINDOW: 5s is not shorter than the shutdown timeout \(POGO_SHUTDOWN_TIMEOUT, 5s\)/,
    ],
    [
      "the admin port is another port",
      { POGO_ADMIN_PORT: "8080" },
      /^POGO_ADMIN_PORT: 8080 is the port of everything else too/,
    ],
    [
      "the sidecar is not its own upstream",
      { POGO_PORT: "8000" },
      /^POGO_UPSTREAM: http:\/\/127\.0\.0\.1:8000 is the sidecar itself/,
    ],
    [
      "by the name localhost neither",
      { POGO_HOST: "127.0.0.1", POGO_UPSTREAM: "http://localhost:8080" },
      /^POGO_UPSTREAM: http:\/\/localhost:8080 is the sidecar itself/,
    ],
    [
      "several workers need Redis",
      { POGO_WORKERS: "2" },
      /^POGO_WORKERS: 2 workers are 2 nodes, and nothing joins them.*Set POGO_REDIS_HOST, or REVERB_SCALING_ENABLED=true/,
    ],
    [
      "several workers share no Unix socket",
      { POGO_WORKERS: "2", POGO_REDIS_HOST: "redis", POGO_HOST: "unix:/run/pogo.sock" },
      /^POGO_HOST: 2 workers \(POGO_WORKERS\) can't share a Unix socket/,
    ],
    [
      "several workers need a port that is named",
      { POGO_WORKERS: "2", POGO_REDIS_HOST: "redis", POGO_PORT: "0" },
      /^POGO_PORT: 2 workers \(POGO_WORKERS\) have to share a port/,
    ],
  ];
  for (const [name, env, message] of conflicts) {
    it(name, () => {
      const errors = errorsOf({ env });
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.match(errors[0] ?? "", message);
    });
  }

  it("the same port on addresses that don't meet is no contradiction", () => {
    const env = {
      POGO_HOST: "10.0.0.1",
      POGO_ADMIN_PORT: "8080",
      POGO_UPSTREAM: "http://127.0.0.1:8080",
    };
    assert.equal(configOf({ env }).admin.port, 8080);
    const free = { POGO_PORT: "0", POGO_ADMIN_PORT: "0", POGO_UPSTREAM: "none" };
    assert.equal(configOf({ env: free }).server.port, 0);
  });

  it("one worker is one process: it needs nothing", () => {
    assert.equal(configOf({ env: { POGO_WORKERS: "1", POGO_PORT: "0" } }).workers.count, 1);
  });

  it("auto is as many workers as there are cores, where Redis is", () => {
    const env = { POGO_WORKERS: "auto", POGO_REDIS_HOST: "redis" };
    assert.equal(configOf({ env }).workers.count, availableCores());
    assert.match(errorsOf({ env: { POGO_WORKERS: "0" } })[0] ?? "", /from 1 to 256, or auto/);
  });

  it("each worker has an equal part of the node's limits, rounded up; check shows the whole", () => {
    const limits = { POGO_MAX_CONNECTIONS: "1000", POGO_MAX_CONCURRENT_AUTH: "10" };
    const env = { ...limits, POGO_WORKERS: "3", POGO_REDIS_HOST: "redis" };
    const { websocket, authorizer, upstream, httpApi } = configOf({ env });
    assert.deepEqual(
      [websocket.maxConnections, authorizer.maxConcurrent, upstream.maxConnections],
      [334, 4, 171],
    );
    // What bounds one request or one client is each worker's own.
    assert.equal(httpApi.maxBodyBytes, configOf().httpApi.maxBodyBytes);
    assert.equal(websocket.handshakeRate.perSecond, 100);
    const loaded = load({ env });
    assert.ok(loaded.ok);
    const shown = loaded.settings.find(({ key }) => key === "max_connections");
    assert.equal(shown?.text, "1000");
  });

  it("a value that could not be had contradicts nothing", () => {
    const errors = errorsOf({ env: { POGO_PING_PERIOD: "x", POGO_PONG_WAIT: "30s" } });
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /^POGO_PING_PERIOD: "x" is not a duration/);
  });
});

describe("errors", () => {
  it("come all at once, each with the place, the value and what is allowed", () => {
    const loaded = loadConfig(
      input({
        argv: ["--prot", "1"],
        env: {
          POGO_PORT: "80a",
          POGO_WRITE_WAIT: "10",
          POGO_MAX_REQUEST_SIZE: "2MB",
          POGO_LOG_LEVEL: "loud",
        },
      }),
    );
    assert.ok(!loaded.ok);
    assert.equal(
      formatErrors(loaded.errors),
      [
        "The configuration has 8 errors:",
        "  --prot: there is no such option; did you mean --port?",
        "  POGO_APP_ID: it is not set. Give it as POGO_APP_ID or Laravel's REVERB_APP_ID, with --app-id, or as app_id in a config file.",
        "  POGO_APP_KEY: it is not set. Give it as POGO_APP_KEY or Laravel's REVERB_APP_KEY, with --app-key, or as app_key in a config file.",
        "  POGO_APP_SECRET: it is not set. Give it as POGO_APP_SECRET, POGO_APP_SECRET_FILE or Laravel's REVERB_APP_SECRET, with --app-secret-file, or as app_secret in a config file.",
        '  POGO_PORT: "80a" is not a whole number from 0 to 65535.',
        '  POGO_WRITE_WAIT: "10" is not a duration up to 24h with its unit (54s, 1500ms, 2m, 1h): a bare number has no unit, 10s is seconds and 10ms milliseconds.',
        '  POGO_MAX_REQUEST_SIZE: "2MB" is not a number of bytes from 1 to 1073741824 (16384, 16KiB, 2MiB): "MB" is no unit here, KiB, MiB and GiB are.',
        '  POGO_LOG_LEVEL: "loud" is not one of trace, debug, info, warn, error, fatal, silent.',
        "A Laravel app has them in its .env: start it in the app's folder, or name the file with --env-file. Where there are none yet: pogo-sidecar env --write",
        "",
      ].join("\n"),
    );
  });

  it("say that Laravel's durations are seconds", () => {
    assert.deepEqual(errorsOf({ env: { REVERB_APP_PING_INTERVAL: "-1" } }), [
      'REVERB_APP_PING_INTERVAL: "-1" is not a number of seconds, or a duration up to 24h with its unit (54s, 1500ms, 2m, 1h).',
    ]);
  });

  it("show no password of a URL", () => {
    for (const url of [
      "http://user:hunter2@app:1",
      "http://user:hunter2@ app",
      "https://u:hunter2@x",
    ]) {
      const errors = errorsOf({ env: { POGO_UPSTREAM: url } });
      assert.match(errors[0] ?? "", /^POGO_UPSTREAM: /);
      assert.doesNotMatch(errors.join(), /hunter2/);
    }
  });

  it("stay on their line, whatever the value", () => {
    const [error] = errorsOf({ env: { POGO_PORT: `1\n  POGO_HOST: forged${"x".repeat(200)}` } });
    assert.doesNotMatch(error ?? "", /\n/);
    assert.ok((error ?? "").length < 250);
  });
});

describe("secrets", () => {
  /** Long enough not to be part of any text by chance. */
  const anySecret = fc.stringMatching(/^[!-~]{12,40}$/);
  const anyPlace = fc.constantFrom(
    (secret: string): Given => ({ env: { POGO_APP_SECRET: secret } }),
    (secret: string): Given => ({ env: { REVERB_APP_SECRET: secret } }),
    (secret: string): Given => ({ argv: [`--app-secret=${secret}`] }),
    (secret: string): Given => ({ argv: ["--app-secert", secret] }),
    (secret: string): Given => ({ env: { POGO_APP_SECERT: secret } }),
    (secret: string): Given => ({ env: { POGO_APP_SECRET_FILE: "/s" }, files: { "/s": secret } }),
    (secret: string): Given => ({
      argv: ["--config", "/c"],
      env: { REVERB_APP_SECRET: "" },
      files: { "/c": JSON.stringify({ app_secret: secret }) },
    }),
    (secret: string): Given => ({
      argv: ["--config", "/c"],
      files: { "/c": `{"app_secret": ${secret}` },
    }),
    (secret: string): Given => ({ env: { POGO_WEBHOOK_SECRET: secret } }),
    (secret: string): Given => ({ argv: [`--webhook-secret=${secret}`] }),
    (secret: string): Given => ({ env: { POGO_WEBHOOK_URL: `https://app.test/?token=${secret}` } }),
    (secret: string): Given => ({ env: { POGO_REDIS_PASSWORD: secret, POGO_REDIS_HOST: "r" } }),
    (secret: string): Given => ({ env: { REDIS_PASSWORD: secret } }),
    (secret: string): Given => ({ env: { POGO_REDIS_URL: `redis://:${secret}@r` } }),
    (secret: string): Given => ({ env: { POGO_REDIS_HOST: `redis://:${secret}@r` } }),
    (secret: string): Given => inApp({ secret }),
    (secret: string): Given => inApp({ secret: "s", secert: secret }),
    (secret: string): Given => inApp({ secret: "s", webhooks: [{ url: "/hook", secret }] }),
  );

  function inApp(entry: object): Given {
    const apps = [{ app_id: "1", key: "key", ...entry }];
    return { argv: ["--config", "/c"], files: { "/c": JSON.stringify({ apps }) } };
  }

  it("stay hidden in a URL whose query has an @, or whose password has a ?", () => {
    for (const url of ["https://a.test/?token=@s3cr3t", "https://u:p?@s3cr3t@a.test/?x=1"]) {
      const loaded = load({ env: { POGO_WEBHOOK_URL: url } });
      const printed = loaded.ok ? describeSettings(loaded.settings) : formatErrors(loaded.errors);
      assert.doesNotMatch(printed, /s3cr3t/);
    }
  });

  it("are in nothing that is printed, neither in errors nor by check", () => {
    const spoil = fc.constantFrom(
      (text: string) => text,
      (text: string) => `${text} \n`,
      (text: string) => `"${text}"`,
    );
    fc.assert(
      fc.property(anySecret, anyPlace, spoil, (secret, place, spoilt) => {
        // A flag's value that starts with a dash is one to the shell's reader too.
        fc.pre(!secret.startsWith("-"));
        const loaded = load(place(spoilt(secret)));
        const printed = loaded.ok ? describeSettings(loaded.settings) : formatErrors(loaded.errors);
        assert.ok(!printed.includes(secret), printed);
        if (loaded.ok) assert.match(printed, /secret +\(hidden\)/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("check", () => {
  it("prints each option with its value and where it came from", () => {
    const loaded = load({ env: { POGO_PORT: "9000" }, argv: ["--upstream", "none"] });
    assert.ok(loaded.ok);
    const printed = describeSettings(loaded.settings);
    assert.match(printed, /^ {2}port +9000 +POGO_PORT$/m);
    assert.match(printed, /^ {2}upstream +none +--upstream$/m);
    assert.match(printed, /^ {2}path +\(empty\) +default$/m);
    assert.match(printed, /^ {2}pong_wait +60s +default: ping_period × 10\/9$/m);
  });
});

describe("where a browser reaches the admin port", () => {
  const token = "0123456789abcdef";
  for (const [why, env, url] of [
    ["is what is said", { POGO_ADMIN_URL: "http://10.0.0.7:2019" }, "http://10.0.0.7:2019/"],
    ["is not known on loopback", {}, null],
    ["nor of all addresses", { POGO_ADMIN_HOST: "0.0.0.0", POGO_ADMIN_TOKEN: token }, null],
    [
      "is one address beyond loopback",
      { POGO_ADMIN_HOST: "fd00::7", POGO_ADMIN_TOKEN: token },
      "http://[fd00::7]:2019/",
    ],
    ["but for a console that is off", { POGO_ADMIN_HOST: "10.0.0.7" }, null],
  ] as const) {
    it(why, () => assert.equal(configOf({ env }).admin.url, url));
  }
});

describe("the admin address alone", () => {
  it("is had without credentials, whatever else is missing or unknown", () => {
    const loaded = loadAdmin(input({ env: { POGO_ADMIN_PORT: "3000", POGO_UNHEARD_OF: "x" } }));
    assert.deepEqual(loaded, {
      ok: true,
      admin: { host: "127.0.0.1", port: 3000, url: null, allowedHosts: [] },
      warnings: [],
    });
  });

  it("is an error if it is not one", () => {
    const loaded = loadAdmin(input({ env: { POGO_ADMIN_PORT: "x" } }));
    assert.equal(loaded.ok, false);
  });
});

describe("a configuration without any credentials", () => {
  it("says where they are, and how to make them; not where one was given", () => {
    const advice = /start it in the app's folder, .* --env-file.* pogo-sidecar env --write\n$/;
    const without = loadConfig(input({ env: {} }));
    assert.ok(!without.ok);
    assert.match(formatErrors(without.errors), advice);
    const partly = loadConfig(input({ env: { POGO_APP_KEY: "key" } }));
    assert.ok(!partly.ok);
    assert.doesNotMatch(formatErrors(partly.errors), advice);
  });
});
