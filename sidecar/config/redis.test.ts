import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rootCertificates } from "node:tls";
import type { Config } from "../config.ts";
import { describeSettings } from "./describe.ts";
import { formatErrors } from "./errors.ts";
import { redis as rows } from "./table/redis.ts";
import { configOf, errorsOf, load, sourceOf, type Given } from "./testing/given.ts";

type Environment = Readonly<Record<string, string>>;
type Redis = NonNullable<Config["redis"]>;

/** What `composer create-project laravel/laravel` writes; nobody asked for several nodes. */
const laravels = {
  REDIS_CLIENT: "phpredis",
  REDIS_HOST: "127.0.0.1",
  REDIS_PASSWORD: "null",
  REDIS_PORT: "6379",
};
const scaling = { REVERB_SCALING_ENABLED: "true" };

const defaults: Redis = {
  servers: { kind: "standalone", host: "127.0.0.1", port: 6379 },
  username: null,
  password: null,
  db: 0,
  tls: null,
  prefix: "pogo",
  timeoutMs: 2000,
  queueSize: 1024,
  nodeLeaseMs: 15_000,
  readyWithoutRedis: false,
};

function redisOf(env: Environment, more: Given = {}): Redis | null {
  return configOf({ ...more, env }).redis;
}

function at(host: string, port = 6379): Redis["servers"] {
  return { kind: "standalone", host, port };
}

describe("scaling", () => {
  const cases: readonly [string, Environment, Redis["servers"] | null][] = [
    ["is off without a word of it", {}, null],
    ["is off in Laravel's usual .env", laravels, null],
    ["is off with Laravel's REDIS_URL alone", { REDIS_URL: "redis://cache" }, null],
    ["is off where Laravel says so", { ...laravels, REVERB_SCALING_ENABLED: "false" }, null],
    ["is on where Laravel says so", { ...laravels, ...scaling, REDIS_HOST: "cache" }, at("cache")],
    ["is on by our name for it", { ...laravels, POGO_SCALING_ENABLED: "true" }, at("127.0.0.1")],
    ["and Redis is where Laravel thinks it is", scaling, at("127.0.0.1")],
    ["is on by POGO_REDIS_URL", { POGO_REDIS_URL: "redis://r" }, at("r")],
    ["is on by POGO_REDIS_HOST", { POGO_REDIS_HOST: "r" }, at("r")],
    [
      "is on by a cluster",
      { POGO_REDIS_CLUSTER_NODES: "r" },
      { kind: "cluster", nodes: [{ host: "r", port: 6379 }] },
    ],
    [
      "is on by sentinels",
      { POGO_REDIS_SENTINELS: "s" },
      {
        kind: "sentinel",
        sentinels: [{ host: "s", port: 26_379 }],
        masterName: "mymaster",
        username: null,
        password: null,
      },
    ],
    [
      "is off if we say so, whatever is given",
      { POGO_REDIS_HOST: "r", POGO_SCALING_ENABLED: "false" },
      null,
    ],
    [
      "is off if Laravel says so, whatever is given",
      { POGO_REDIS_HOST: "r", REVERB_SCALING_ENABLED: "false" },
      null,
    ],
    ["is not on by a password alone", { POGO_REDIS_PASSWORD: "x", POGO_REDIS_DB: "1" }, null],
  ];
  for (const [name, env, servers] of cases) {
    it(name, () => assert.deepEqual(redisOf(env)?.servers ?? null, servers));
  }

  it("is on by a flag and by the config file", () => {
    assert.deepEqual(configOf({ argv: ["--redis-host", "r"] }).redis?.servers, at("r"));
    assert.notEqual(configOf({ argv: ["--scaling-enabled"] }).redis, null);
    const files = { "/c": '{"redis_host": "r"}' };
    assert.deepEqual(configOf({ argv: ["--config=/c"], files }).redis?.servers, at("r"));
  });

  it("has a default for all else", () => {
    assert.deepEqual(redisOf(scaling), defaults);
    assert.equal(
      sourceOf("scaling_enabled", { env: { POGO_REDIS_HOST: "r" } }),
      `default: ${rows.isEnabled.fallbackText}`,
    );
  });

  it("that is off leaves Laravel's Redis alone, however it is written", () => {
    const env = {
      REDIS_URL: "memcached://x",
      REDIS_HOST: "a b",
      REDIS_PORT: "x",
      REDIS_DB: "cache",
      REVERB_SCALING_CHANNEL: "{x}",
    };
    assert.equal(redisOf(env), null);
    assert.equal(
      sourceOf("redis_db", { env }),
      rows.db.fallbackText && `default: ${rows.db.fallbackText}`,
    );
    assert.equal(errorsOf({ env: { ...env, ...scaling } }).length, 5);
  });

  it("that is off contradicts nothing, but a POGO_… value must be one", () => {
    const off = { POGO_SCALING_ENABLED: "false", POGO_REDIS_TLS_CA: "/gone" };
    assert.equal(redisOf({ ...off, POGO_REDIS_HOST: "r", POGO_REDIS_URL: "redis://r" }), null);
    assert.match(
      errorsOf({ env: { ...off, POGO_REDIS_PORT: "x" } }).join(),
      /^POGO_REDIS_PORT: "x"/,
    );
  });
});

describe("Redis", () => {
  it("is had with every option there is", () => {
    const env = {
      POGO_REDIS_HOST: "redis.internal",
      POGO_REDIS_PORT: "6380",
      POGO_REDIS_USERNAME: "pogo",
      POGO_REDIS_PASSWORD: "hunter2",
      POGO_REDIS_DB: "3",
      POGO_REDIS_TLS: "true",
      POGO_REDIS_TLS_VERIFY: "false",
      POGO_REDIS_PREFIX: "shop:prod.1_a-b",
      POGO_REDIS_TIMEOUT: "500ms",
      POGO_BROKER_QUEUE_SIZE: "7",
      POGO_NODE_LEASE: "30s",
      POGO_READY_WITHOUT_REDIS: "true",
    };
    assert.deepEqual(redisOf(env), {
      servers: at("redis.internal", 6380),
      username: "pogo",
      password: "hunter2",
      db: 3,
      tls: { ca: null, isVerified: false },
      prefix: "shop:prod.1_a-b",
      timeoutMs: 500,
      queueSize: 7,
      nodeLeaseMs: 30_000,
      readyWithoutRedis: true,
    });
  });

  it("takes Laravel's names where scaling is on", () => {
    const env = {
      ...scaling,
      REDIS_HOST: "tls://redis.internal",
      REDIS_PORT: "6380",
      REDIS_USERNAME: "default",
      REDIS_PASSWORD: "hunter2",
      REDIS_DB: "1",
      REVERB_SCALING_CHANNEL: "reverb",
    };
    assert.deepEqual(redisOf(env), {
      ...defaults,
      servers: at("redis.internal", 6380),
      username: "default",
      password: "hunter2",
      db: 1,
      tls: { ca: null, isVerified: true },
      prefix: "reverb",
    });
  });

  it("takes null in them for not set, as env() does", () => {
    const env = {
      ...scaling,
      REDIS_URL: "null",
      REDIS_USERNAME: "null",
      REDIS_PASSWORD: "(null)",
      REDIS_DB: "",
    };
    assert.deepEqual(redisOf(env), defaults);
  });

  it("takes the original's name for the queue", () => {
    assert.equal(redisOf({ ...scaling, POGO_WS_BROKER_QUEUE_SIZE: "7" })?.queueSize, 7);
  });

  it("is found by one URL", () => {
    assert.deepEqual(redisOf({ POGO_REDIS_URL: "rediss://pogo:hunter%402@r:6380/4" }), {
      ...defaults,
      servers: at("r", 6380),
      username: "pogo",
      password: "hunter@2",
      db: 4,
      tls: { ca: null, isVerified: true },
    });
  });

  it("is found behind a Unix socket, by our URL and as Laravel writes it", () => {
    const servers = { kind: "unix", path: "/run/redis.sock" };
    assert.deepEqual(redisOf({ POGO_REDIS_URL: "unix:///run/redis.sock" })?.servers, servers);
    assert.deepEqual(
      redisOf({ ...scaling, REDIS_HOST: "/run/redis.sock", REDIS_PORT: "0" })?.servers,
      servers,
    );
  });

  it("is found by its sentinels, who may have credentials of their own", () => {
    const env = {
      POGO_REDIS_SENTINELS: "s1, s2:5000,[::1]:5001",
      POGO_REDIS_SENTINEL_MASTER: "main",
      POGO_REDIS_SENTINEL_USERNAME: "watcher",
      POGO_REDIS_SENTINEL_PASSWORD: "of-sentinels",
      POGO_REDIS_PASSWORD: "of-redis",
      POGO_REDIS_DB: "2",
    };
    assert.deepEqual(redisOf(env), {
      ...defaults,
      servers: {
        kind: "sentinel",
        sentinels: [
          { host: "s1", port: 26_379 },
          { host: "s2", port: 5000 },
          { host: "::1", port: 5001 },
        ],
        masterName: "main",
        username: "watcher",
        password: "of-sentinels",
      },
      password: "of-redis",
      db: 2,
    });
  });

  it("is found by some nodes of its cluster", () => {
    const env = { ...laravels, REDIS_PASSWORD: "hunter2", POGO_REDIS_CLUSTER_NODES: "c1,c2:7001" };
    assert.deepEqual(redisOf(env), {
      ...defaults,
      servers: {
        kind: "cluster",
        nodes: [
          { host: "c1", port: 6379 },
          { host: "c2", port: 7001 },
        ],
      },
      password: "hunter2",
    });
  });
});

describe("which name of Redis wins", () => {
  const cases: readonly [string, Environment, Partial<Redis>][] = [
    [
      "Laravel's URL over Laravel's host",
      { ...laravels, ...scaling, REDIS_URL: "redis://u:p@r:7/2" },
      { servers: at("r", 7), username: "u", password: "p", db: 2 },
    ],
    [
      "what Laravel's URL leaves out is in its other names",
      { ...scaling, REDIS_URL: "redis://r", REDIS_PORT: "7", REDIS_PASSWORD: "p", REDIS_DB: "2" },
      { servers: at("r", 7), password: "p", db: 2 },
    ],
    [
      "our parts over Laravel's URL",
      {
        ...scaling,
        REDIS_URL: "rediss://:p@r:7/2",
        POGO_REDIS_PASSWORD: "own",
        POGO_REDIS_DB: "3",
        POGO_REDIS_PORT: "8",
      },
      { servers: at("r", 8), password: "own", db: 3, tls: { ca: null, isVerified: true } },
    ],
    [
      "our host over Laravel's URL, with Laravel's parts",
      {
        REDIS_URL: "rediss://:of-url@r/2",
        REDIS_HOST: "l",
        REDIS_PASSWORD: "p",
        POGO_REDIS_HOST: "own",
      },
      { servers: at("own"), password: "p" },
    ],
    [
      "our URL over all of Laravel's",
      {
        ...laravels,
        REDIS_URL: "redis://r/9",
        REDIS_PORT: "7",
        REDIS_PASSWORD: "p",
        REDIS_DB: "2",
        POGO_REDIS_URL: "redis://own",
      },
      { servers: at("own") },
    ],
    [
      "our URL with what it leaves out in our other names",
      {
        POGO_REDIS_URL: "redis://own",
        POGO_REDIS_PASSWORD: "p",
        POGO_REDIS_DB: "2",
        POGO_REDIS_PORT: "7",
        POGO_REDIS_TLS: "false",
      },
      { servers: at("own", 7), password: "p", db: 2 },
    ],
    [
      "the port in our host over Laravel's",
      { ...laravels, POGO_REDIS_HOST: "own:7" },
      { servers: at("own", 7) },
    ],
    [
      "our TLS over none in a host",
      { ...scaling, REDIS_HOST: "r", POGO_REDIS_TLS: "true" },
      { servers: at("r"), tls: { ca: null, isVerified: true } },
    ],
  ];
  for (const [name, env, expected] of cases) {
    it(name, () => assert.deepEqual(redisOf(env), { ...defaults, ...expected }));
  }

  it("the config file over Laravel's, which are there for another Redis", () => {
    const env = { ...laravels, POGO_CONFIG: "/c", REDIS_PASSWORD: "p" };
    const files = { "/c": '{"redis_host": "r", "redis_port": 7}' };
    assert.deepEqual(redisOf(env, { files }), { ...defaults, servers: at("r", 7), password: "p" });
    assert.equal(sourceOf("redis_port", { env, files }), "redis_port in /c");
  });

  it("a flag over all", () => {
    const given = { argv: ["--redis-host=f"], env: { ...laravels, POGO_REDIS_HOST: "e" } };
    assert.deepEqual(configOf(given).redis?.servers, at("f"));
  });

  it("check shows what the URL says under the parts' names, but its password", () => {
    const loaded = load({ env: { ...laravels, POGO_REDIS_URL: "redis://u:hunter2@r:7/2" } });
    assert.ok(loaded.ok);
    const printed = describeSettings(loaded.settings);
    assert.match(printed, /^ {2}redis_url +\(hidden\) +POGO_REDIS_URL$/m);
    assert.match(printed, /^ {2}redis_host +tcp:\/\/r:7 +default: the URL's/m);
    assert.match(printed, /^ {2}redis_port +7 +default: the URL's/m);
    assert.match(printed, /^ {2}redis_username +u +default/m);
    assert.match(printed, /^ {2}redis_password +\(hidden\) +default/m);
    assert.match(printed, /^ {2}redis_db +2 +default/m);
    assert.doesNotMatch(printed, /hunter2/);
  });
});

describe("the authorities of Redis' certificate", () => {
  const [pem = ""] = rootCertificates;
  const env = { POGO_REDIS_URL: "rediss://r", POGO_REDIS_TLS_CA: "/ca.pem" };

  it("are read when the configuration is", () => {
    const two = `Comment\n${pem}\n${rootCertificates[1]}`;
    for (const text of [pem, two]) {
      assert.deepEqual(redisOf(env, { files: { "/ca.pem": `${text}\n` } })?.tls, {
        ca: text,
        isVerified: true,
      });
    }
    const loaded = load({ env, files: { "/ca.pem": pem } });
    assert.ok(loaded.ok);
    assert.match(
      describeSettings(loaded.settings),
      /^ {2}redis_tls_ca +\/ca\.pem +POGO_REDIS_TLS_CA$/m,
    );
  });

  const key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
  const faults: readonly [string, string | undefined, RegExp][] = [
    [
      "a file that is not there",
      undefined,
      /^POGO_REDIS_TLS_CA: "\/ca\.pem": it can't be read: there is no such file\.$/,
    ],
    ["an empty file", "\n", /^POGO_REDIS_TLS_CA: "\/ca\.pem": the file is empty\.$/],
    ["a private key", key, /^POGO_REDIS_TLS_CA: "\/ca\.pem" is not a file of certificates in PEM/],
    ["a broken certificate", pem.replace("MII", "hunter2"), /is not a file of certificates/],
    [
      "a good and a broken one",
      `${pem}\n${pem.replace("MII", "hunter2")}`,
      /is not a file of certificates/,
    ],
  ];
  for (const [name, text, message] of faults) {
    it(`${name} is refused`, () => {
      const errors = errorsOf({ env, files: text === undefined ? {} : { "/ca.pem": text } });
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.match(errors[0] ?? "", message);
      assert.doesNotMatch(errors.join(), /hunter2/);
    });
  }
});

describe("the secrets of Redis", () => {
  const places: readonly [string, Environment, (redis: Redis) => string | null][] = [
    ["POGO_REDIS_PASSWORD_FILE", { POGO_REDIS_HOST: "r" }, ({ password }) => password],
    ["REDIS_PASSWORD_FILE", scaling, ({ password }) => password],
    ["REDIS_PASSWORD_FILE", { POGO_REDIS_HOST: "r" }, ({ password }) => password],
    [
      "POGO_REDIS_SENTINEL_PASSWORD_FILE",
      { POGO_REDIS_SENTINELS: "s" },
      ({ servers }) => (servers.kind === "sentinel" ? servers.password : null),
    ],
  ];
  for (const [name, env, secretOf] of places) {
    it(`${name} names a file with it, beside ${Object.keys(env).join()}`, () => {
      const given = { env: { ...env, [name]: "/s" }, files: { "/s": "hunter2\n" } };
      const redis = configOf(given).redis;
      assert.equal(redis && secretOf(redis), "hunter2");
    });
  }

  it("a URL may be in a file too, and switches scaling on if it is POGO_REDIS_URL", () => {
    const files = { "/s": "redis://:hunter2@r\n" };
    for (const [name, more] of [
      ["POGO_REDIS_URL_FILE", {}],
      ["REDIS_URL_FILE", scaling],
    ] as const) {
      assert.equal(configOf({ env: { [name]: "/s", ...more }, files }).redis?.password, "hunter2");
    }
    assert.equal(configOf({ argv: ["--redis-url-file=/s"], files }).redis?.password, "hunter2");
  });

  const wrong: readonly Environment[] = [
    { POGO_REDIS_URL: "redis//:hunter2@r" },
    { POGO_REDIS_URL: "http://:hunter2@r" },
    { POGO_REDIS_URL: "redis://:hunter2@r/x" },
    { POGO_REDIS_URL: "redis://:hunter2@r?db=1" },
    { POGO_REDIS_URL: "redis://:hunter2@x@r" },
    { POGO_REDIS_URL: "redis://:hunter2%zz@r" },
    { POGO_REDIS_URL: "redis://:hunter2@r", POGO_REDIS_PASSWORD: "hunter22" },
    { POGO_REDIS_URL: "redis://:hunter2@r", POGO_REDIS_HOST: "r" },
    { ...scaling, REDIS_URL: "redis://:hunter2@r/x" },
    { POGO_REDIS_HOST: "redis://:hunter2@r" },
    { POGO_REDIS_HOST: "redis//:hunter2@r" },
    { POGO_REDIS_HOST: "u:hunter2@r:6379" },
    { POGO_REDIS_HOST: "tls://u:hunter2@r" },
    { POGO_REDIS_SENTINELS: "s1,u:hunter2@s2" },
    { POGO_REDIS_CLUSTER_NODES: "u:hunter2@c1,redis://c2" },
    { POGO_REDIS_PASSWORD: "hunter2 ", POGO_REDIS_HOST: "r" },
    { POGO_REDIS_SENTINEL_PASSWORD: "hunter2\n", POGO_REDIS_SENTINELS: "r" },
    { POGO_REDIS_PASWORD: "hunter2" },
  ];
  for (const env of wrong) {
    it(`${JSON.stringify(env)}: are not in the error`, () => {
      const loaded = load({ env });
      assert.ok(!loaded.ok);
      assert.doesNotMatch(formatErrors(loaded.errors), /hunter/);
    });
  }
});

describe("options of Redis that contradict each other", () => {
  const url = { POGO_REDIS_URL: "redis://u:p@r:7/2" };
  const ca = { POGO_REDIS_TLS_CA: "/gone" };
  const conflicts: readonly [string, Environment, RegExp][] = [
    [
      "a URL and a host",
      { POGO_REDIS_URL: "redis://r", POGO_REDIS_HOST: "r" },
      /^POGO_REDIS_HOST: it says where Redis is, and so does POGO_REDIS_URL\. Keep one of them\.$/,
    ],
    [
      "sentinels and a URL",
      { POGO_REDIS_SENTINELS: "s", POGO_REDIS_URL: "redis://r" },
      /^POGO_REDIS_SENTINELS: it says where Redis is, and so does POGO_REDIS_URL\./,
    ],
    [
      "sentinels and a host",
      { POGO_REDIS_SENTINELS: "s", POGO_REDIS_HOST: "r" },
      /^POGO_REDIS_SENTINELS: it says where Redis is, and so does POGO_REDIS_HOST\./,
    ],
    [
      "a cluster and sentinels",
      { POGO_REDIS_CLUSTER_NODES: "c", POGO_REDIS_SENTINELS: "s" },
      /^POGO_REDIS_CLUSTER_NODES: it says where Redis is, and so does POGO_REDIS_SENTINELS\./,
    ],
    [
      "a cluster and a URL",
      { POGO_REDIS_CLUSTER_NODES: "c", POGO_REDIS_URL: "redis://r" },
      /^POGO_REDIS_CLUSTER_NODES: .*POGO_REDIS_URL/,
    ],
    [
      "a cluster and a database",
      { POGO_REDIS_CLUSTER_NODES: "c", POGO_REDIS_DB: "1" },
      /^POGO_REDIS_DB: 1 can't be had: a Redis Cluster .* has database 0 only\. Set it to 0/,
    ],
    [
      "a cluster and Laravel's database",
      { POGO_REDIS_CLUSTER_NODES: "c", REDIS_DB: "1" },
      /^POGO_REDIS_DB: 1 can't be had/,
    ],
    [
      "a cluster and a port",
      { POGO_REDIS_CLUSTER_NODES: "c", POGO_REDIS_PORT: "7" },
      /^POGO_REDIS_PORT: each node in the list has its own port/,
    ],
    [
      "sentinels and a port",
      { POGO_REDIS_SENTINELS: "s", POGO_REDIS_PORT: "7" },
      /^POGO_REDIS_PORT: each node in the list has its own port/,
    ],
    [
      "two ports",
      { ...url, POGO_REDIS_PORT: "8" },
      /^POGO_REDIS_PORT: POGO_REDIS_URL says something else\. Leave it out in one of them\.$/,
    ],
    [
      "two ports, one in the host",
      { POGO_REDIS_HOST: "r:7", POGO_REDIS_PORT: "8" },
      /^POGO_REDIS_PORT: POGO_REDIS_HOST says something else/,
    ],
    [
      "two users",
      { ...url, POGO_REDIS_USERNAME: "v" },
      /^POGO_REDIS_USERNAME: POGO_REDIS_URL says something else/,
    ],
    [
      "two passwords",
      { ...url, POGO_REDIS_PASSWORD: "q" },
      /^POGO_REDIS_PASSWORD: POGO_REDIS_URL says something else/,
    ],
    [
      "two databases",
      { ...url, POGO_REDIS_DB: "3" },
      /^POGO_REDIS_DB: POGO_REDIS_URL says something else/,
    ],
    [
      "rediss:// without TLS",
      { POGO_REDIS_URL: "rediss://r", POGO_REDIS_TLS: "false" },
      /^POGO_REDIS_TLS: POGO_REDIS_URL says something else/,
    ],
    [
      "redis:// with TLS",
      { POGO_REDIS_URL: "redis://r", POGO_REDIS_TLS: "true" },
      /^POGO_REDIS_TLS: POGO_REDIS_URL says something else/,
    ],
    [
      "TLS on a Unix socket",
      { POGO_REDIS_URL: "unix:///r", POGO_REDIS_TLS: "true" },
      /^POGO_REDIS_TLS: TLS is not spoken on a Unix socket/,
    ],
    [
      "authorities without TLS",
      { POGO_REDIS_HOST: "r", ...ca },
      /^POGO_REDIS_TLS_CA: there is no TLS to Redis for it\. Set POGO_REDIS_TLS to true/,
    ],
    [
      "port 0 of a host",
      { ...scaling, REDIS_PORT: "0" },
      /^POGO_REDIS_PORT: 0 goes with a Unix socket/,
    ],
    [
      "a master without sentinels",
      { POGO_REDIS_HOST: "r", POGO_REDIS_SENTINEL_MASTER: "m" },
      /^POGO_REDIS_SENTINEL_MASTER: there are no sentinels for it/,
    ],
    [
      "a sentinels' user without them",
      { POGO_REDIS_HOST: "r", POGO_REDIS_SENTINEL_USERNAME: "u" },
      /^POGO_REDIS_SENTINEL_USERNAME: there are no sentinels/,
    ],
    [
      "a sentinels' password without them",
      { POGO_REDIS_HOST: "r", POGO_REDIS_SENTINEL_PASSWORD: "p" },
      /^POGO_REDIS_SENTINEL_PASSWORD: there are no sentinels/,
    ],
    [
      "a lease that is too short",
      { ...scaling, POGO_NODE_LEASE: "500ms" },
      /^POGO_NODE_LEASE: "500ms" is not a duration from 1s to 30s with its unit/,
    ],
    [
      "a lease that is too long",
      { ...scaling, POGO_NODE_LEASE: "31s" },
      /^POGO_NODE_LEASE: "31s" is not a duration from 1s to 30s/,
    ],
    [
      "a prefix with braces",
      { ...scaling, POGO_REDIS_PREFIX: "{pogo}" },
      /^POGO_REDIS_PREFIX: "\{pogo\}" is not up to 100 letters, digits and _ - \. :\.$/,
    ],
    [
      "no sentinel",
      { POGO_REDIS_SENTINELS: "," },
      /^POGO_REDIS_SENTINELS: "," is not a comma list of hosts, .*: it names none\.$/,
    ],
    [
      "a host that failed contradicts nothing",
      { POGO_REDIS_HOST: "a b", POGO_REDIS_PORT: "0" },
      /^POGO_REDIS_HOST: "a b" is not a host/,
    ],
  ];
  for (const [name, env, message] of conflicts) {
    it(name, () => {
      const errors = errorsOf({ env });
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.match(errors[0] ?? "", message);
    });
  }

  it("the same said twice is no contradiction", () => {
    const twice = {
      POGO_REDIS_USERNAME: "u",
      POGO_REDIS_PASSWORD: "p",
      POGO_REDIS_PORT: "7",
      POGO_REDIS_DB: "2",
      POGO_REDIS_TLS: "false",
    };
    assert.deepEqual(redisOf({ ...url, ...twice }), redisOf(url));
  });

  it("the names are those that it was given under", () => {
    const files = { "/c": '{"redis_sentinels": ["s1", "s2"]}' };
    const argv = ["--config=/c", "--redis-host=r", "--redis-cluster-nodes=c"];
    assert.deepEqual(errorsOf({ argv, files }), [
      "POGO_REDIS_SENTINELS: it says where Redis is, and so does --redis-host. Keep one of them.",
      "POGO_REDIS_CLUSTER_NODES: it says where Redis is, and so does --redis-host and redis_sentinels in /c. Keep one of them.",
    ]);
  });
});
