import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  allowedOrigins,
  bindHost,
  credential,
  pathPrefix,
  trustedProxies,
  upstreamAddress,
  upstreamPath,
  webAddress,
} from "./addresses.ts";
import { boolean, integer, oneOf, orNone, positive, zeroIsOff, type Parser } from "./parser.ts";
import { keyPrefix, redisHost, redisNodes, redisUrl, type RedisUrl } from "./redis.ts";
import { bytes, duration } from "./units.ts";

/** What a parser takes, and what it refuses, with a word of the reason where it gives one. */
interface Cases<T> {
  readonly name: string;
  readonly parser: Parser<T>;
  readonly takes: readonly (readonly [text: string, value: unknown])[];
  readonly refuses: readonly (readonly [text: string, why?: RegExp])[];
}

function urlOfRedis({
  host = "r",
  port = null,
  isTls = false,
  username = null,
  password = null,
  db = null,
}: {
  host?: string;
  port?: number | null;
  isTls?: boolean;
  username?: string | null;
  password?: string | null;
  db?: number | null;
}): RedisUrl {
  return { address: { kind: "tcp", host, port, isTls }, username, password, db };
}

const tables: readonly Cases<unknown>[] = [
  {
    name: "a whole number",
    parser: integer({ min: 1, max: 65_535 }),
    takes: [
      ["1", 1],
      ["65535", 65_535],
      ["0080", 80],
    ],
    refuses: [
      ["0"],
      ["65536"],
      ["-1"],
      ["1.5"],
      ["1e3"],
      ["0x10"],
      ["80a"],
      ["٣"],
      ["9".repeat(17)],
    ],
  },
  {
    name: "a rate",
    parser: positive,
    takes: [
      ["50", 50],
      ["0.5", 0.5],
    ],
    refuses: [["0"], ["-1"], ["Infinity"], ["NaN"], [".5"], ["1e9"], ["0.0"]],
  },
  {
    name: "a boolean, as Laravel's env() and PHP write it",
    parser: boolean,
    takes: [
      ["true", true],
      ["TRUE", true],
      ["(true)", true],
      ["1", true],
      ["on", true],
      ["yes", true],
      ["false", false],
      ["(false)", false],
      ["0", false],
      ["off", false],
      ["no", false],
    ],
    refuses: [["2"], ["t"], ["enabled"], ["null"]],
  },
  {
    name: "one of several words",
    parser: oneOf(["members", "all"]),
    takes: [
      ["members", "members"],
      ["ALL", "all"],
    ],
    refuses: [["member"], ["toString"]],
  },
  {
    name: "a number or none",
    parser: orNone(integer({ min: 1 })),
    takes: [
      ["none", null],
      ["null", null],
      ["(NULL)", null],
      ["7", 7],
    ],
    refuses: [["0"], ["-"]],
  },
  {
    name: "a limit that 0 switches off",
    parser: zeroIsOff(bytes({ min: 1, max: 100 })),
    takes: [
      ["0", 0],
      ["100", 100],
    ],
    refuses: [["101"], ["-0"]],
  },
  {
    name: "a duration",
    parser: duration(),
    takes: [
      ["54s", 54_000],
      ["1500ms", 1500],
      ["2m", 120_000],
      ["1h", 3_600_000],
      ["1m30s", 90_000],
      ["0.5s", 500],
      ["2M", 120_000],
      ["24h", 86_400_000],
    ],
    refuses: [
      ["54", /54s is seconds and 54ms milliseconds/],
      ["0", /no unit/],
      ["0s", /longer than zero/],
      ["25h"],
      ["1d"],
      ["s"],
      ["-1s"],
      ["1 s"],
      ["54s ago"],
      ["1..5s"],
    ],
  },
  {
    name: "a duration that may be off",
    parser: duration({ zero: true }),
    takes: [
      ["0", 0],
      ["0s", 0],
      ["off", 0],
      ["1s", 1000],
    ],
    refuses: [["1"], ["none"]],
  },
  {
    name: "a duration in whole seconds",
    parser: duration({ stepMs: 1000 }),
    takes: [["30s", 30_000]],
    refuses: [["1500ms", /whole seconds/]],
  },
  {
    name: "a size",
    parser: bytes({ min: 10, max: 1024 ** 3 }),
    takes: [
      ["10", 10],
      ["16384", 16_384],
      ["16KiB", 16_384],
      ["2 MiB", 2_097_152],
      ["2m", 2_097_152],
      ["1G", 1024 ** 3],
    ],
    refuses: [["9"], ["2GiB"], ["1MB", /"MB" is no unit here, KiB/], ["1.5k"], ["-1"], ["k"]],
  },
  {
    name: "a key",
    parser: credential("key"),
    takes: [["y3g8gxt4-dw7_98.m", "y3g8gxt4-dw7_98.m"]],
    refuses: [["a/b"], ["a:b"], ["a?b"], ["a#b"], ["a%b"], ["a b"], ["a\n", /echo -n/]],
  },
  {
    name: "a secret",
    parser: credential("secret"),
    takes: [["a/b:c%+=", "a/b:c%+="]],
    refuses: [["a b"], ["abc\n", /ends in white space/], ["\tabc"]],
  },
  {
    name: "an address to listen on",
    parser: bindHost,
    takes: [
      ["0.0.0.0", "0.0.0.0"],
      ["::", "::"],
      ["[::1]", "::1"],
      ["localhost", "localhost"],
      ["app.internal", "app.internal"],
    ],
    refuses: [["0.0.0.0:8080"], ["[::1]:80"], ["http://x"], ["a b"], ["-x"], ["a..b"]],
  },
  {
    name: "the address of a web server",
    parser: webAddress,
    takes: [
      ["http://10.0.0.7:2019", "http://10.0.0.7:2019/"],
      ["https://Node1.internal/", "https://node1.internal/"],
      ["http://[fd00::7]:2019", "http://[fd00::7]:2019/"],
    ],
    refuses: [
      ["10.0.0.7:2019"],
      ["javascript:alert(1)"],
      ["http://user:password@10.0.0.7"],
      ["http://10.0.0.7/console"],
      ["http://10.0.0.7/?worker=1"],
    ],
  },
  {
    name: "a path prefix",
    parser: pathPrefix,
    takes: [
      ["ws", "/ws"],
      ["/ws", "/ws"],
      ["/ws/", "/ws"],
      ["/a/b.c", "/a/b.c"],
      ["/", ""],
    ],
    refuses: [
      ["//ws"],
      ["/a//b"],
      ["/../x"],
      ["/a/./b"],
      ["/a?b"],
      ["/ä"],
      ["/a b"],
      ["http://x/y"],
    ],
  },
  {
    name: "a path on the upstream",
    parser: upstreamPath,
    takes: [
      ["/broadcasting/auth", "/broadcasting/auth"],
      ["/api/v1/auth%20x", "/api/v1/auth%20x"],
    ],
    refuses: [
      ["broadcasting/auth"],
      ["http://app/broadcasting/auth", /only the path/],
      ["/a b"],
      ["/a\r\nX: y"],
      ["/a?b"],
    ],
  },
  {
    name: "the upstream",
    parser: upstreamAddress,
    takes: [
      ["http://127.0.0.1:8000", { kind: "tcp", host: "127.0.0.1", port: 8000 }],
      ["http://app/", { kind: "tcp", host: "app", port: 80 }],
      ["http://[::1]:8000", { kind: "tcp", host: "::1", port: 8000 }],
      ["unix:/run/php.sock", { kind: "unix", socketPath: "/run/php.sock" }],
      ["none", null],
      ["NONE", null],
    ],
    refuses: [
      ["https://app", /TLS is not spoken/],
      ["app:8000"],
      ["8000"],
      ["http://app/x", /ends after the port/],
      ["http://u:p@app", /credentials/],
      ["unix:php.sock"],
    ],
  },
  {
    name: "a duration within bounds",
    parser: duration({ minMs: 1000, maxMs: 30_000 }),
    takes: [
      ["1s", 1000],
      ["30s", 30_000],
    ],
    refuses: [["999ms"], ["30001ms"], ["0"], ["24h"]],
  },
  {
    name: "the host of Redis",
    parser: redisHost,
    takes: [
      ["redis", { kind: "tcp", host: "redis", port: null, isTls: null }],
      ["redis:7", { kind: "tcp", host: "redis", port: 7, isTls: null }],
      ["10.0.0.1:65535", { kind: "tcp", host: "10.0.0.1", port: 65_535, isTls: null }],
      ["::1", { kind: "tcp", host: "::1", port: null, isTls: null }],
      ["[::1]:7", { kind: "tcp", host: "::1", port: 7, isTls: null }],
      ["tls://redis", { kind: "tcp", host: "redis", port: null, isTls: true }],
      ["TCP://redis:7", { kind: "tcp", host: "redis", port: 7, isTls: false }],
      ["/run/redis.sock", { kind: "unix", path: "/run/redis.sock" }],
    ],
    refuses: [
      ["redis:0"],
      ["redis:65536"],
      ["redis:"],
      [":7"],
      ["a b"],
      ["redis/0"],
      ["r1,r2"],
      ["http://redis"],
      ["/run/\u0000"],
      ["u:p@redis", /options of their own/],
      ["redis://redis", /POGO_REDIS_URL/],
      ["unix:///run/redis.sock", /POGO_REDIS_URL/],
    ],
  },
  {
    name: "the URL of Redis",
    parser: redisUrl,
    takes: [
      ["redis://r", urlOfRedis({})],
      ["redis://r/", urlOfRedis({})],
      ["redis://r:7/2", urlOfRedis({ port: 7, db: 2 })],
      ["REDISS://r", urlOfRedis({ isTls: true })],
      ["tls://r", urlOfRedis({ isTls: true })],
      ["tcp://r", urlOfRedis({})],
      ["redis://[::1]:7", urlOfRedis({ host: "::1", port: 7 })],
      ["redis://u@r", urlOfRedis({ username: "u" })],
      ["redis://:p@r", urlOfRedis({ password: "p" })],
      ["redis://:@r", urlOfRedis({})],
      ["redis://u%3A:p%40%2f:x@r", urlOfRedis({ username: "u:", password: "p@/:x" })],
      [
        "unix:///run/r.sock",
        {
          address: { kind: "unix", path: "/run/r.sock" },
          username: null,
          password: null,
          db: null,
        },
      ],
    ],
    refuses: [
      ["r"],
      ["r:7"],
      ["redis:r"],
      ["redis://"],
      ["redis:///0"],
      ["redis://r:0"],
      ["redis://r:99999"],
      ["redis://r/x"],
      ["redis://r/0/1"],
      ["redis://r1,r2"],
      ["redis+sentinel://r"],
      ["http://r"],
      ["unix:/run/r.sock"],
      ["unix://run/r.sock"],
      ["redis://r?db=1", /would not be read/],
      ["unix:///r?db=1", /would not be read/],
      ["redis://:p@x@r", /@ is written %40/],
      ["redis://:p/x@r", /\/ %2F/],
      ["redis://:p#x@r", /# %23/],
      ["redis://:%zz@r", /wrongly encoded/],
    ],
  },
  {
    name: "nodes of Redis",
    parser: redisNodes(26_379),
    takes: [
      ["s", [{ host: "s", port: 26_379 }]],
      [
        "s1, [::1]:7,",
        [
          { host: "s1", port: 26_379 },
          { host: "::1", port: 7 },
        ],
      ],
    ],
    refuses: [
      [",", /names none/],
      ["s1;s2", /"s1;s2" is not a host or host:port/],
      ["s1,tls://s2"],
      ["u:p@s", /options of their own/],
    ],
  },
  {
    name: "a prefix of keys",
    parser: keyPrefix,
    takes: [
      ["pogo", "pogo"],
      ["a:b-c_d.1", "a:b-c_d.1"],
    ],
    refuses: [["{pogo}"], ["a b"], ["a*"], ["é"], ["x".repeat(101)]],
  },
  {
    name: "trusted proxies",
    parser: trustedProxies,
    takes: [
      ["10.0.0.0/8, ::1", ["10.0.0.0/8", "::1"]],
      ["192.168.0.1,,fd00::/8,unix", ["192.168.0.1", "fd00::/8", "unix"]],
    ],
    refuses: [
      ["*", /believe everybody/],
      ["10.0.0.0/33", /"10.0.0.0\/33" is not an IP address/],
      ["::/129"],
      ["10.0.0.0/8/8"],
      ["10.0.0.0/"],
      ["proxy.internal", /"proxy.internal"/],
      ["fe80::1%eth0"],
    ],
  },
  {
    name: "allowed origins",
    parser: allowedOrigins,
    takes: [
      ["*", ["*"]],
      ["Example.com, *.example.com", ["example.com", "*.example.com"]],
      ["https://Shop.test:8443", ["https://shop.test:8443"]],
      ["https://shop.test/", ["https://shop.test"]],
      ["https://*.shop.test", ["https://*.shop.test"]],
      ["http://[::1]:3000", ["http://[::1]:3000"]],
      ["capacitor://localhost", ["capacitor://localhost"]],
    ],
    refuses: [
      ["https://shop.test/app", /an origin has no path/],
      ["null", /"null" names no page.*sandboxed frame.*need \*/],
      ["shop.test,file://", /"file:\/\/" names no page/],
      ["shop.test:8443", /https:\/\/shop.test:8443/],
      ["shop.test/app"],
      ["https://shop.test:99999"],
      ["a b"],
    ],
  },
];

for (const { name, parser, takes, refuses } of tables) {
  describe(name, () => {
    for (const [text, value] of takes) {
      it(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
        assert.deepEqual(parser.parse(text), { ok: true, value });
      });
      it(`what ${JSON.stringify(text)} is shown as is read as the same`, () => {
        const shown = parser.show(value);
        if (shown !== "") assert.deepEqual(parser.parse(shown), { ok: true, value });
      });
    }
    for (const [text, why] of refuses) {
      it(`${JSON.stringify(text)} is refused`, () => {
        const parsed = parser.parse(text);
        assert.equal(parsed.ok, false);
        if (why && !parsed.ok) assert.match(parsed.why ?? "", why);
      });
    }
  });
}

describe("every parser", () => {
  it("takes or refuses any text, and never throws", () => {
    fc.assert(
      fc.property(fc.constantFrom(...tables), fc.string(), ({ parser }, text) => {
        const parsed = parser.parse(text);
        assert.equal(typeof parsed.ok, "boolean");
      }),
    );
  });

  it("durations are read back as they are shown", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400_000 }), (value) => {
        assert.deepEqual(duration().parse(duration().show(value)), { ok: true, value });
      }),
    );
  });
});
