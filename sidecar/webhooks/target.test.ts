import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { parseTarget, type WebhookTarget } from "./target.ts";

const upstream: UpstreamAddress = { kind: "tcp", host: "127.0.0.1", port: 8000 };

function target(url: string, at: UpstreamAddress | null = upstream): WebhookTarget {
  const parsed = parseTarget(url, at);
  assert.ok(parsed.ok);
  return parsed.target;
}

describe("parseTarget", () => {
  it("W09: an URL of its own, with its query and without its fragment", () => {
    const { request, isSecure } = target("http://hooks.example.com:81/a/b?c=d#e", null);
    assert.equal(isSecure, false);
    assert.equal(request.hostname, "hooks.example.com");
    assert.equal(request.port, 81);
    assert.equal(request.path, "/a/b?c=d");
  });

  it("W09: https", () => {
    assert.equal(target("https://hooks.example.com/").isSecure, true);
  });

  it("W09: an IPv6 address, and a password", () => {
    const { request } = target("http://me:p%40ss@[::1]:81/");
    assert.equal(request.hostname, "::1");
    assert.equal(request.auth, "me:p@ss");
  });

  it("W09: a path is the upstream's, on a port or a unix socket", () => {
    assert.deepEqual(target("/hook?a=b").request, {
      host: "127.0.0.1",
      port: 8000,
      path: "/hook?a=b",
    });
    assert.deepEqual(target("/hook", { kind: "unix", socketPath: "/run/app.sock" }).request, {
      socketPath: "/run/app.sock",
      path: "/hook",
    });
  });

  it("W09: a path can't lead to another host, nor break the request line", () => {
    assert.equal(target("//evil.example/x").request.path, "//evil.example/x");
    assert.equal(target("/a b\r\nX: y").request.path, "/a%20bX:%20y");
    assert.equal(target("/é").request.path, "/%C3%A9");
  });

  it("W12: the label has neither path, query nor password", () => {
    assert.equal(target("http://me:pass@h.example:81/token?s=t").label, "h.example:81");
    assert.equal(target("/token?s=t").label, "upstream");
  });

  it("anything else is refused", () => {
    for (const url of [
      "",
      "hook",
      "ftp://host/",
      "unix:/run/app.sock",
      "http://",
      "localhost:80",
    ]) {
      assert.deepEqual(parseTarget(url, upstream), {
        ok: false,
        error: "is neither http(s)://host/… nor a /path",
      });
    }
    assert.deepEqual(parseTarget("/hook", null), {
      ok: false,
      error: "is a path of the upstream, and there is no upstream",
    });
  });
});
