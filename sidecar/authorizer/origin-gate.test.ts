import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { credentialPolicyFor, type CredentialPolicy } from "./origin-gate.ts";

interface Case {
  readonly title: string;
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly allowedOrigins?: readonly string[];
  readonly hasCredential?: boolean;
  readonly scheme?: "http" | "https";
  readonly policy: CredentialPolicy;
}

const bearer = ["Authorization", "Bearer 1|x"];
const basic = ["Authorization", "Basic dTpw"];

const cases: readonly Case[] = [
  { title: "a page of the same host", headers: ["Origin", "http://app.test"], policy: "all" },
  {
    title: "a page of the same host behind TLS",
    headers: ["Origin", "https://app.test"],
    policy: "all",
  },
  {
    title: "a page of the same host and port",
    headers: ["Origin", "http://app.test:8080"],
    host: "app.test:8080",
    policy: "all",
  },
  {
    title: "a page of the same host on another port",
    headers: ["Origin", "http://app.test:3000"],
    host: "app.test:8080",
    policy: "none",
  },
  {
    title: "a foreign page with a token of its own",
    headers: ["Origin", "https://evil.com", "Cookie", "laravel_session=x"],
    hasCredential: true,
    policy: "without_cookies",
  },
  {
    title: "a page of the same host with a token of its own",
    headers: ["Origin", "http://app.test"],
    hasCredential: true,
    policy: "all",
  },
  {
    title: "no browser, with a token of its own",
    hasCredential: true,
    policy: "without_cookies",
  },
  { title: "a foreign page", headers: ["Origin", "https://evil.com"], policy: "none" },
  {
    title: "a foreign page where * is allowed",
    headers: ["Origin", "https://evil.com", "Cookie", "laravel_session=x"],
    allowedOrigins: ["*"],
    policy: "none",
  },
  {
    title: "a sibling subdomain",
    headers: ["Origin", "https://evil.app.test"],
    policy: "none",
  },
  {
    title: "an origin listed by name",
    headers: ["Origin", "https://spa.test"],
    allowedOrigins: ["*", "https://spa.test"],
    policy: "all",
  },
  {
    title: "an origin listed by host name",
    headers: ["Origin", "https://spa.test:3000"],
    allowedOrigins: ["spa.test"],
    policy: "all",
  },
  {
    title: "an origin listed by pattern",
    headers: ["Origin", "https://a.spa.test"],
    allowedOrigins: ["*.spa.test"],
    policy: "all",
  },
  { title: "an opaque origin", headers: ["Origin", "null"], policy: "none" },
  {
    title: "an opaque origin with a token",
    headers: ["Origin", "null", ...bearer],
    policy: "without_cookies",
  },
  {
    title: "two Origin fields, one of them the host's own",
    headers: ["Origin", "http://app.test", "Origin", "https://evil.com"],
    policy: "none",
  },
  {
    title: "a foreign page with a token",
    headers: ["origin", "https://evil.com", ...bearer],
    policy: "without_cookies",
  },
  {
    title: "a foreign page with the password that the browser remembers",
    headers: ["Origin", "https://evil.com", ...basic],
    policy: "none",
  },
  { title: "a client without Origin", headers: ["Cookie", "laravel_session=x"], policy: "none" },
  { title: "a client without Origin, with a token", headers: bearer, policy: "without_cookies" },
  {
    title: "a client without Origin, with a password",
    headers: basic,
    policy: "without_cookies",
  },
  { title: "an empty Authorization", headers: ["Authorization", ""], policy: "none" },
  { title: "nothing at all", policy: "none" },
  {
    title: "attacks H14: an http page of a host that is asked by https",
    headers: ["Origin", "http://app.test"],
    scheme: "https",
    policy: "none",
  },
  {
    title: "attacks H14: an https page of it",
    headers: ["Origin", "https://app.test"],
    scheme: "https",
    policy: "all",
  },
  {
    title: "attacks H14: an https page, where a proxy in between saw http",
    headers: ["Origin", "https://app.test"],
    scheme: "http",
    policy: "all",
  },
  ...["chrome-extension", "capacitor", "file", "ws", "app"].map((scheme): Case => ({
    title: `attacks H14: ${scheme}:// with the app's host`,
    headers: ["Origin", `${scheme}://app.test`],
    policy: "none",
  })),
  {
    title: "attacks H14: chrome-extension:// with a host that is listed",
    headers: ["Origin", "chrome-extension://spa.test"],
    allowedOrigins: ["spa.test"],
    policy: "none",
  },
  {
    title: "attacks H14: an http page that is listed by its host, asked by https",
    headers: ["Origin", "http://spa.test"],
    allowedOrigins: ["spa.test"],
    scheme: "https",
    policy: "none",
  },
  {
    title: "attacks H14: an http page that is listed with its scheme, asked by https",
    headers: ["Origin", "http://spa.test"],
    allowedOrigins: ["http://spa.test"],
    scheme: "https",
    policy: "all",
  },
  {
    title: "attacks H14: a scheme of its own that is listed with its name",
    headers: ["Origin", "capacitor://localhost"],
    allowedOrigins: ["capacitor://localhost"],
    policy: "all",
  },
  {
    title: "a handshake that the browser calls cross-site, whatever its Origin",
    headers: ["Origin", "http://app.test", "Sec-Fetch-Site", "Cross-Site"],
    policy: "none",
  },
  {
    title: "a cross-site one of an origin that is listed",
    headers: ["Origin", "https://spa.test", "Sec-Fetch-Site", "cross-site", ...bearer],
    allowedOrigins: ["https://spa.test"],
    policy: "without_cookies",
  },
  {
    title: "one that is same-site",
    headers: ["Origin", "https://spa.test", "Sec-Fetch-Site", "same-site"],
    allowedOrigins: ["https://spa.test"],
    policy: "all",
  },
];

describe("credentialPolicyFor", () => {
  for (const { title, policy, ...given } of cases) {
    const { headers = [], host = "app.test", allowedOrigins = [], scheme } = given;
    const { hasCredential = false } = given;
    it(`proxy A18: ${title}: ${policy}`, () => {
      const request = { rawHeaders: headers, host, scheme, allowedOrigins, hasCredential };
      assert.equal(credentialPolicyFor(request), policy);
    });
  }

  it("proxy A18: no Host is nobody's host", () => {
    const rawHeaders = ["Origin", "http://app.test"];
    assert.equal(
      credentialPolicyFor({
        rawHeaders,
        host: undefined,
        scheme: undefined,
        allowedOrigins: [],
        hasCredential: false,
      }),
      "none",
    );
  });
});
