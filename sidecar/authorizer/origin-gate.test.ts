import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeOrigin, type Spendable } from "./origin-gate.ts";

interface Case {
  readonly title: string;
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly allowedOrigins?: readonly string[];
  readonly hasCredential?: boolean;
  readonly spendable: Spendable;
}

const bearer = ["Authorization", "Bearer 1|x"];
const basic = ["Authorization", "Basic dTpw"];

const cases: readonly Case[] = [
  { title: "a page of the same host", headers: ["Origin", "http://app.test"], spendable: "all" },
  {
    title: "a page of the same host behind TLS",
    headers: ["Origin", "https://app.test"],
    spendable: "all",
  },
  {
    title: "a page of the same host and port",
    headers: ["Origin", "http://app.test:8080"],
    host: "app.test:8080",
    spendable: "all",
  },
  {
    title: "a page of the same host on another port",
    headers: ["Origin", "http://app.test:3000"],
    host: "app.test:8080",
    spendable: "none",
  },
  {
    title: "a foreign page with a token of its own",
    headers: ["Origin", "https://evil.com", "Cookie", "laravel_session=x"],
    hasCredential: true,
    spendable: "without_cookies",
  },
  {
    title: "a page of the same host with a token of its own",
    headers: ["Origin", "http://app.test"],
    hasCredential: true,
    spendable: "all",
  },
  {
    title: "no browser, with a token of its own",
    hasCredential: true,
    spendable: "without_cookies",
  },
  { title: "a foreign page", headers: ["Origin", "https://evil.com"], spendable: "none" },
  {
    title: "a foreign page where * is allowed",
    headers: ["Origin", "https://evil.com", "Cookie", "laravel_session=x"],
    allowedOrigins: ["*"],
    spendable: "none",
  },
  {
    title: "a sibling subdomain",
    headers: ["Origin", "https://evil.app.test"],
    spendable: "none",
  },
  {
    title: "an origin listed by name",
    headers: ["Origin", "https://spa.test"],
    allowedOrigins: ["*", "https://spa.test"],
    spendable: "all",
  },
  {
    title: "an origin listed by host name",
    headers: ["Origin", "https://spa.test:3000"],
    allowedOrigins: ["spa.test"],
    spendable: "all",
  },
  {
    title: "an origin listed by pattern",
    headers: ["Origin", "https://a.spa.test"],
    allowedOrigins: ["*.spa.test"],
    spendable: "all",
  },
  { title: "an opaque origin", headers: ["Origin", "null"], spendable: "none" },
  {
    title: "an opaque origin with a token",
    headers: ["Origin", "null", ...bearer],
    spendable: "without_cookies",
  },
  {
    title: "two Origin fields, one of them the host's own",
    headers: ["Origin", "http://app.test", "Origin", "https://evil.com"],
    spendable: "none",
  },
  {
    title: "a foreign page with a token",
    headers: ["origin", "https://evil.com", ...bearer],
    spendable: "without_cookies",
  },
  {
    title: "a foreign page with the password that the browser remembers",
    headers: ["Origin", "https://evil.com", ...basic],
    spendable: "none",
  },
  { title: "a client without Origin", headers: ["Cookie", "laravel_session=x"], spendable: "none" },
  { title: "a client without Origin, with a token", headers: bearer, spendable: "without_cookies" },
  {
    title: "a client without Origin, with a password",
    headers: basic,
    spendable: "without_cookies",
  },
  { title: "an empty Authorization", headers: ["Authorization", ""], spendable: "none" },
  { title: "nothing at all", spendable: "none" },
];

describe("judgeOrigin", () => {
  for (const { title, spendable, ...given } of cases) {
    const { headers = [], host = "app.test", allowedOrigins = [], hasCredential = false } = given;
    it(`proxy A18: ${title}: ${spendable}`, () => {
      const request = { rawHeaders: headers, host, allowedOrigins, hasCredential };
      assert.equal(judgeOrigin(request), spendable);
    });
  }

  it("proxy A18: no Host is nobody's host", () => {
    const rawHeaders = ["Origin", "http://app.test"];
    assert.equal(
      judgeOrigin({ rawHeaders, host: undefined, allowedOrigins: [], hasCredential: false }),
      "none",
    );
  });
});
