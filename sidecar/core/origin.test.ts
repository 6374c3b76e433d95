import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOriginAllowed, isOriginListed, isOriginOfHost, parseOrigin } from "./origin.ts";

describe("parseOrigin", () => {
  const origins: [string, unknown][] = [
    ["https://laravel.com", { scheme: "https", host: "laravel.com", port: null }],
    ["https://laravel.com/", { scheme: "https", host: "laravel.com", port: null }],
    ["HTTPS://Laravel.COM", { scheme: "https", host: "laravel.com", port: null }],
    ["https://laravel.com:443", { scheme: "https", host: "laravel.com", port: null }],
    ["http://laravel.com:80", { scheme: "http", host: "laravel.com", port: null }],
    ["http://laravel.com:443", { scheme: "http", host: "laravel.com", port: 443 }],
    ["http://localhost:5173", { scheme: "http", host: "localhost", port: 5173 }],
    ["http://[::1]:8080", { scheme: "http", host: "[::1]", port: 8080 }],
    ["capacitor://localhost", { scheme: "capacitor", host: "localhost", port: null }],
  ];
  for (const [text, origin] of origins) {
    it(`reads ${text}`, () => assert.deepEqual(parseOrigin(text), origin));
  }

  const garbage = [
    undefined,
    "",
    "null",
    "laravel.com",
    "https://",
    "https://laravel.com/path",
    "https://laravel.com?x",
    "https://laravel.com#x",
    "https://user@laravel.com",
    "https://evil.com\\@laravel.com",
    "https://laravel.com:",
    "https://laravel.com:99999",
    "https://laravel.com:8x",
    "https://laravel.com, https://evil.com",
    "https://laravel.com https://evil.com",
    " https://laravel.com",
    "https://laravel.com\n",
    "https://[laravel.com",
  ];
  for (const text of garbage) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseOrigin(text), null));
  }
});

describe("isOriginAllowed", () => {
  const cases: [title: string, patterns: string[], origin: string | undefined, allowed: boolean][] =
    [
      ["C09: another host", ["laravel.com"], "http://evil.com", false],
      ["C09: an empty list", [], "http://laravel.com", false],
      ["C11: scheme and port do not count", ["laravel.com"], "https://laravel.com:8443", true],
      ["C12: a subdomain is another host", ["laravel.com"], "http://a.laravel.com", false],
      ["C12: the apex is no subdomain", ["*.laravel.com"], "https://laravel.com", false],
      ["a pattern matches a subdomain", ["*.laravel.com"], "https://a.laravel.com", true],
      ["a pattern's * spans dots", ["*.laravel.com"], "https://a.b.laravel.com", true],
      ["a pattern is anchored", ["*.laravel.com"], "https://a.laravel.com.evil.com", false],
      ["a dot in a pattern is a dot", ["laravel.com"], "https://laravelxcom", false],
      [
        "a pattern may have * in the middle",
        ["app-*.laravel.com"],
        "https://app-1.laravel.com",
        true,
      ],
      ["hosts are compared without case", ["Laravel.com"], "https://laravel.COM", true],
      ["any entry of the list counts", ["a.test", "b.test"], "https://b.test", true],
      ["C13: no Origin", ["laravel.com"], undefined, false],
      ["C13: no Origin and a pattern", ["*.laravel.com"], undefined, false],
      ["Origin null", ["laravel.com"], "null", false],
      ["Origin null listed by name", ["null"], "null", false],
      ["C14: * takes any", ["*"], "https://evil.com", true],
      ["C14: * takes none", ["*"], undefined, true],
      ["C14: * takes null", ["laravel.com", "*"], "null", true],
      ["a whole origin", ["https://laravel.com"], "https://laravel.com", true],
      ["a whole origin's default port", ["https://laravel.com:443"], "https://laravel.com", true],
      ["a whole origin of another scheme", ["https://laravel.com"], "http://laravel.com", false],
      [
        "a whole origin of another port",
        ["https://laravel.com"],
        "https://laravel.com:8443",
        false,
      ],
      ["a whole origin with a port", ["http://localhost:5173"], "http://localhost:5173", true],
      ["a whole origin with a pattern", ["https://*.a.test"], "https://x.a.test", true],
      ["a whole origin with a pattern, by http", ["https://*.a.test"], "http://x.a.test", false],
    ];
  for (const [title, patterns, origin, allowed] of cases) {
    it(`${title}: ${allowed ? "allowed" : "refused"}`, () => {
      assert.equal(isOriginAllowed(patterns, origin), allowed);
    });
  }

  it("reads * in a pattern as any text, wherever it stands", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8, minLength: 1 });
    const pattern = fc.string({
      unit: fc.constantFrom("a", "b", ".", "*"),
      maxLength: 6,
      minLength: 1,
    });
    fc.assert(
      fc.property(pattern, text, (glob, host) => {
        const expected = new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
        assert.equal(isOriginAllowed([glob], `http://${host}`), expected.test(host));
      }),
    );
  });
});

describe("isOriginListed", () => {
  it("counts names, patterns and whole origins", () => {
    assert.equal(isOriginListed(["laravel.com"], "https://laravel.com"), true);
    assert.equal(isOriginListed(["*.laravel.com"], "https://a.laravel.com"), true);
    assert.equal(isOriginListed(["*", "https://laravel.com"], "https://laravel.com"), true);
  });

  it("does not count *", () => {
    assert.equal(isOriginListed(["*"], "https://laravel.com"), false);
    assert.equal(isOriginListed(["**"], "https://laravel.com"), false);
    assert.equal(isOriginListed(["https://*"], "https://laravel.com"), false);
    assert.equal(isOriginListed(["*", "b.test"], "https://laravel.com"), false);
  });

  it("lists no missing and no opaque origin", () => {
    assert.equal(isOriginListed(["*", "laravel.com"], undefined), false);
    assert.equal(isOriginListed(["*", "null"], "null"), false);
  });
});

describe("isOriginOfHost", () => {
  const cases: [origin: string | undefined, host: string, same: boolean][] = [
    ["http://app.test", "app.test", true],
    ["https://app.test", "app.test", true],
    ["https://app.test:443", "app.test", true],
    ["https://app.test", "app.test:443", true],
    ["http://app.test", "app.test:80", true],
    ["http://APP.test", "app.TEST", true],
    ["http://app.test:8080", "app.test:8080", true],
    ["http://[::1]:8080", "[::1]:8080", true],
    ["http://app.test", "app.test:443", false],
    ["https://app.test", "app.test:80", false],
    ["http://app.test:443", "app.test", false],
    ["http://app.test:8080", "app.test", false],
    ["http://app.test", "app.test:8080", false],
    ["http://a.app.test", "app.test", false],
    ["http://app.test", "a.app.test", false],
    ["http://app.test.evil.com", "app.test", false],
    ["null", "app.test", false],
    [undefined, "app.test", false],
    ["http://app.test", "", false],
    ["http://app.test", "app.test/", false],
    ["http://app.test", "x@app.test", false],
    ["http://app.test", "app.test, evil.com", false],
  ];
  for (const [origin, host, same] of cases) {
    it(`${origin} is ${same ? "" : "not "}a page of Host "${host}"`, () => {
      assert.equal(isOriginOfHost(origin, host), same);
    });
  }
});
