import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IncomingMessage } from "node:http";
import { createAccess, isSameOrigin, sessionSeconds } from "./access.ts";

const token = "0123456789abcdef";

function request(headers: Record<string, string> = {}, localPort = 2019): IncomingMessage {
  return { headers, socket: { localPort } } as unknown as IncomingMessage;
}

function createRig(options: { token: string | null; isLoopback: boolean }) {
  const clock = { nowMs: 1_700_000_000_000 };
  const access = createAccess({ ...options, now: () => clock.nowMs });
  return { access, clock };
}

/** A request with the cookie that was set. */
function withCookie(setCookie: string, port?: number): IncomingMessage {
  const [cookie = ""] = setCookie.split(";");
  return request({ cookie: `other=1; ${cookie}` }, port);
}

describe("access to the console", () => {
  it("without a token is open on loopback, and off elsewhere", () => {
    assert.equal(createRig({ token: null, isLoopback: true }).access.of(request()), "granted");
    assert.equal(createRig({ token: null, isLoopback: false }).access.of(request()), "off");
  });

  it("is off for what a proxy on this machine passes on from elsewhere", () => {
    const { access } = createRig({ token: null, isLoopback: true });
    for (const name of ["x-forwarded-for", "x-forwarded-proto", "forwarded", "x-real-ip", "via"]) {
      assert.equal(access.of(request({ [name]: "203.0.113.7" })), "off", name);
    }
  });

  it("with a token asks for it on loopback too", () => {
    const { access } = createRig({ token, isLoopback: true });
    assert.equal(access.of(request()), "login");
    assert.deepEqual(
      [token, "0123456789abcdeF", "", `${token}0`].map((text) => access.isToken(text)),
      [true, false, false, false],
    );
  });

  it("a session lasts twelve hours, for this port and this token alone", () => {
    const { access, clock } = createRig({ token, isLoopback: false });
    const set = access.cookie(request());
    assert.match(set, /; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    assert.equal(access.of(withCookie(set)), "granted");
    assert.equal(access.of(withCookie(set, 2020)), "login");
    const other = createRig({ token: "another-token-1234", isLoopback: false });
    assert.equal(other.access.of(withCookie(set)), "login");
    clock.nowMs += sessionSeconds * 1_000 + 1_000;
    assert.equal(access.of(withCookie(set)), "login");
  });

  it("a cookie that was made up or made longer is none", () => {
    const { access } = createRig({ token, isLoopback: false });
    const [, until = "", signature = ""] = /=(\d+)\.([\w-]+);/.exec(access.cookie(request())) ?? [];
    for (const value of [
      `${Number(until) + 1}.${signature}`,
      `${until}.`,
      until,
      `.${signature}`,
      `${until}.${signature}x`,
      `9e99.${signature}`,
    ]) {
      assert.equal(access.of(withCookie(`pogo_console_2019=${value}`)), "login", value);
    }
  });

  it("without a token no cookie is worth anything", () => {
    const { access } = createRig({ token: null, isLoopback: false });
    assert.equal(access.of(withCookie(access.cookie(request()))), "off");
    assert.equal(access.isToken(""), false);
  });
});

describe("whose page asks", () => {
  const host = "127.0.0.1:2019";
  const own = [
    { host },
    { host, origin: `http://${host}` },
    { host: "ops.example.com", origin: "https://ops.example.com" },
    { host, "sec-fetch-site": "same-origin", origin: `http://${host}` },
    { host, "sec-fetch-site": "none" },
  ];
  const foreign = [
    { host, origin: "http://evil.test" },
    { host, origin: "null" },
    { host, origin: "http://127.0.0.1:8080" },
    { host, "sec-fetch-site": "cross-site" },
    { host, "sec-fetch-site": "same-site" },
    { host, "sec-fetch-site": "same-site", origin: `http://${host}` },
  ];
  for (const headers of own) {
    it(`the console's own, or no page: ${JSON.stringify(headers)}`, () =>
      assert.equal(isSameOrigin(request(headers)), true));
  }
  for (const headers of foreign) {
    it(`a foreign one: ${JSON.stringify(headers)}`, () =>
      assert.equal(isSameOrigin(request(headers)), false));
  }
});
