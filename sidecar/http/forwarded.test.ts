import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { Handshake } from "../core/ports.ts";
import { recordReports } from "../core/testing/doubles.ts";
import { createForwarding } from "./forwarded.ts";

/** A handshake from an address, with header lines as on the wire. */
function peer(remoteAddress: string, ...lines: string[]): Handshake {
  const rawHeaders = lines.flatMap((line) => {
    const [, name = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    return [name, value];
  });
  return { remoteAddress, rawHeaders };
}

const ingress = createForwarding({ trustedProxies: ["10.0.0.0/8", "127.0.0.1", "fd00::/8"] });
const nobody = createForwarding({ trustedProxies: [] });

test("proxy F1: what an untrusted peer says about itself is replaced", () => {
  const liar = peer(
    "203.0.113.9",
    "Host: app.test",
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Port: 443",
    "Forwarded: for=6.6.6.6",
    "X-Real-IP: 6.6.6.6",
    "X-Forwarded-Prefix: /evil",
  );
  for (const forwarding of [ingress, nobody]) {
    assert.deepEqual(forwarding.headers(liar), [
      ["X-Forwarded-For", "203.0.113.9"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", "app.test"],
    ]);
    assert.equal(forwarding.clientIp(liar), "203.0.113.9");
    assert.equal(forwarding.host(liar), "app.test");
  }
});

test("attacks H14: the scheme is known only from a trusted proxy", () => {
  const https = ["Host: app.test", "X-Forwarded-Proto: https"];
  assert.equal(nobody.scheme(peer("10.1.2.3", ...https)), undefined);
  assert.equal(ingress.scheme(peer("10.1.2.3", "Host: app.test")), undefined);
  assert.equal(ingress.scheme(peer("10.1.2.3", ...https)), "https");
  assert.equal(ingress.scheme(peer("10.1.2.3", "X-Forwarded-Proto: wss")), "https");
  assert.equal(ingress.scheme(peer("10.1.2.3", "X-Forwarded-Proto: http, https")), "http");
  assert.equal(ingress.scheme(peer("10.1.2.3", "X-Forwarded-Proto: gopher")), undefined);
});

test("proxy F2: behind a trusted peer the chain is extended, and scheme, host and port are kept", () => {
  const request = peer(
    "10.1.2.3",
    "Host: internal:8080",
    "X-Forwarded-For: 198.51.100.7",
    "x-forwarded-for: 10.9.9.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: app.test",
    "X-Forwarded-Port: 8443",
    "X-Forwarded-Prefix: /shop",
    "X-Real-IP: 198.51.100.7",
    "Forwarded: for=6.6.6.6",
  );
  assert.deepEqual(ingress.headers(request), [
    ["X-Forwarded-For", "198.51.100.7, 10.9.9.9, 10.1.2.3"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "app.test"],
    ["X-Forwarded-Port", "8443"],
    ["X-Forwarded-Prefix", "/shop"],
    ["X-Real-IP", "198.51.100.7"],
  ]);
  assert.equal(ingress.host(request), "app.test");
});

test("proxy F2: nonsense from a trusted peer falls back to what the connection shows", () => {
  const request = peer(
    "10.1.2.3",
    "Host: app.test",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-Host: a b, evil",
  );
  assert.deepEqual(ingress.headers(request), [
    ["X-Forwarded-For", "10.1.2.3"],
    ["X-Forwarded-Proto", "http"],
    ["X-Forwarded-Host", "app.test"],
  ]);
});

test("proxy F3: no X-Forwarded-Port is invented", () => {
  const plain = ["Host: app.test:8080", "X-Forwarded-Proto: https"];
  for (const address of ["10.1.2.3", "203.0.113.9"]) {
    const names = ingress.headers(peer(address, ...plain)).map(([name]) => name);
    assert.deepEqual(names, ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"]);
  }
});

test("proxy F4: a scheme of ws or wss becomes http or https, and of a list the first counts", () => {
  const schemes = { ws: "http", wss: "https", WSS: "https", "https,http": "https", "": "http" };
  for (const [sent, expected] of Object.entries(schemes)) {
    const fields = ingress.headers(peer("10.0.0.1", `X-Forwarded-Proto: ${sent}`));
    assert.equal(new Map(fields).get("X-Forwarded-Proto"), expected, sent);
  }
});

test("proxy F5: addresses are spelt in one way: mapped IPv4, zone ids, ports and case", () => {
  const spellings = {
    "::ffff:203.0.113.9": "203.0.113.9",
    "::FFFF:cb00:7109": "203.0.113.9",
    "fe80::1%eth0": "fe80::1",
    "2001:DB8:0:0:0:0:0:1": "2001:db8::1",
  };
  for (const [address, expected] of Object.entries(spellings)) {
    assert.equal(nobody.clientIp(peer(address)), expected);
    assert.deepEqual(nobody.headers(peer(address))[0], ["X-Forwarded-For", expected]);
    assert.equal(ingress.clientIp(peer("127.0.0.1", `X-Forwarded-For: ${address}`)), expected);
  }
  assert.equal(
    ingress.clientIp(peer("::ffff:127.0.0.1", "X-Forwarded-For: 1.2.3.4:5678")),
    "1.2.3.4",
  );
  assert.equal(
    ingress.clientIp(peer("fd00::1", "X-Forwarded-For: [2001:db8::1]:99")),
    "2001:db8::1",
  );
});

test("proxy F7: a peer on a unix socket is untrusted unless listed as unix", () => {
  const request = peer("", "Host: app.test", "X-Forwarded-For: 198.51.100.7");
  assert.equal(ingress.clientIp(request), "unix");
  assert.deepEqual(ingress.headers(request), [
    ["X-Forwarded-Proto", "http"],
    ["X-Forwarded-Host", "app.test"],
  ]);

  const trusting = createForwarding({ trustedProxies: ["unix"] });
  assert.equal(trusting.clientIp(request), "198.51.100.7");
  assert.deepEqual(trusting.headers(request)[0], ["X-Forwarded-For", "198.51.100.7"]);
});

test("proxy F8: the client is the rightmost address that is not a trusted proxy's", () => {
  const rows: readonly (readonly [chain: string, client: string])[] = [
    ["", "10.0.0.1"],
    ["198.51.100.7", "198.51.100.7"],
    ["6.6.6.6, 198.51.100.7", "198.51.100.7"],
    ["6.6.6.6, 198.51.100.7, 10.0.0.2, 127.0.0.1", "198.51.100.7"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"],
    ["6.6.6.6, 999.1.1.1", "10.0.0.1"],
    [" , 198.51.100.7 ,, ", "198.51.100.7"],
  ];
  for (const [chain, client] of rows) {
    assert.equal(ingress.clientIp(peer("10.0.0.1", `X-Forwarded-For: ${chain}`)), client, chain);
  }
  const lines = peer("10.0.0.1", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 198.51.100.7");
  assert.equal(ingress.clientIp(lines), "198.51.100.7");
});

test("a trusted proxy that is no address and no range is an error that names it", () => {
  for (const entry of [
    "*",
    "",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "fd00::/129",
    "proxy",
    "1.2.3.4/x",
    "fe80::1%eth0",
  ]) {
    assert.throws(
      () => createForwarding({ trustedProxies: ["10.0.0.1", entry] }),
      (error: Error) => error.message.includes(JSON.stringify(entry)),
      entry,
    );
  }
  createForwarding({ trustedProxies: ["0.0.0.0/0", "::/0", "::1", "192.168.1.77/16"] });
});

describe("who sends X-Forwarded-For without being trusted", () => {
  const send = (address: string) => peer(address, "Host: app.test", "X-Forwarded-For: 6.6.6.6");

  it("is reported once: a proxy in a private network with its address, anybody else without", () => {
    const { report, events } = recordReports();
    const forwarding = createForwarding({ trustedProxies: ["10.9.0.0/16"], report });
    forwarding.clientIp(peer("10.1.2.3", "Host: app.test"));
    forwarding.clientIp(send("10.9.0.1"));
    assert.deepEqual(events, []);
    for (let i = 0; i < 3; i++) {
      forwarding.headers(send("10.1.2.3"));
      forwarding.clientIp(send(`203.0.113.${i}`));
      forwarding.clientIp(send(`10.1.2.${i}`));
    }
    assert.deepEqual(events, [
      { kind: "forwarded_for_ignored", peer: "10.1.2.3" },
      { kind: "forwarded_for_ignored", peer: null },
    ]);
  });

  for (const address of ["127.0.0.1", "::1", "::ffff:192.168.1.1", "172.20.0.5", "fd12::1"]) {
    it(`${address} is in a private network`, () => {
      const { report, events } = recordReports();
      createForwarding({ trustedProxies: [], report }).clientIp(send(address));
      assert.equal(events.length, 1);
      assert.ok("peer" in (events[0] ?? {}) && Object(events[0]).peer !== null);
    });
  }

  it("so is who sends X-Forwarded-Proto alone: the app would take its https for http", () => {
    const { report, events } = recordReports();
    const sender = peer("10.1.2.3", "Host: app.test", "X-Forwarded-Proto: https");
    createForwarding({ trustedProxies: [], report }).headers(sender);
    assert.deepEqual(events, [{ kind: "forwarded_for_ignored", peer: "10.1.2.3" }]);
  });

  it("a Unix socket that is not trusted is one too", () => {
    const { report, events } = recordReports();
    createForwarding({ trustedProxies: [], report }).clientIp(send(""));
    assert.deepEqual(events, [{ kind: "forwarded_for_ignored", peer: "unix" }]);
  });
});

test("proxy F9: a trusted proxy's X-Request-Id is taken if it can be passed on, nobody else's", () => {
  const from = (address: string, id: string) =>
    ingress.requestId(peer(address, "Host: app.test", `X-Request-Id: ${id}`));
  assert.equal(from("10.0.0.1", "4bf9-2f/a=@:+._"), "4bf9-2f/a=@:+._");
  assert.equal(from("203.0.113.9", "4bf9"), undefined);
  for (const id of ["", "a b", 'a"b', "a\u009bb", "x".repeat(129)]) {
    assert.equal(from("10.0.0.1", id), undefined);
  }
  assert.equal(ingress.requestId(peer("10.0.0.1", "Host: app.test")), undefined);
});
