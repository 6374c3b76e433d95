import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matchApiPath } from "./http-api/router.ts";
import { decide, misdirection, type Door, type RouteOptions } from "./route.ts";

const upstream: RouteOptions["upstream"] = {};

function route(
  target: string,
  options: {
    door?: Door;
    isUpgrade?: boolean;
    pathPrefix?: string;
    isStandAlone?: boolean;
    publicHealth?: RouteOptions["publicHealth"];
  } = {},
): string {
  const [path = "", search = ""] = target.split("?");
  const destination = decide(path, search, options.isUpgrade ?? false, {
    door: options.door ?? "everything",
    pathPrefix: options.pathPrefix ?? "",
    appIds: new Set(["app-id"]),
    appIdsByKey: new Map([["app-key", "app-id"]]),
    matchApi: matchApiPath,
    upstream: options.isStandAlone ? null : upstream,
    publicHealth: options.publicHealth ?? null,
  });
  if (destination.kind !== "ws") return destination.kind;
  const { appKey, recoveryToken } = destination;
  return recoveryToken === null ? `ws ${appKey}` : `ws ${appKey} of ${recoveryToken}`;
}

describe("front door", () => {
  const isUpgrade = true;

  it("R1: a WebSocket upgrade on /app/{key} is answered here, whatever the key", () => {
    assert.equal(route("/app/app-key?protocol=7", { isUpgrade }), "ws app-key");
    assert.equal(route("/app/nope", { isUpgrade }), "ws nope");
  });

  it("Y01: a token of 16 to 64 characters may stand before it", () => {
    const token = "0123456789-_abcXYZ";
    assert.equal(route(`/r/${token}/app/app-key`, { isUpgrade }), `ws app-key of ${token}`);
    const prefixed = { isUpgrade, pathPrefix: "/ws" };
    assert.equal(route(`/ws/r/${token}/app/app-key`, prefixed), `ws app-key of ${token}`);
    assert.equal(route(`/r/${token}/app/app-key`), "upgrade-required");
    for (const wrong of [
      "",
      "short",
      "x".repeat(15),
      "x".repeat(65),
      "x".repeat(16) + ".",
      "%78".repeat(8),
    ]) {
      assert.equal(route(`/r/${wrong}/app/app-key`, { isUpgrade }), "upstream", wrong);
    }
    assert.equal(route(`/x/r/${token}/app/app-key`, { isUpgrade }), "upstream");
  });

  it("R2: a WebSocket upgrade on any other path is the app's", () => {
    for (const path of ["/", "/hmr?token=x", "/app", "/app/", "/app/a/b", "/apps/app-id/events"]) {
      assert.equal(route(path, { isUpgrade }), "upstream", path);
    }
  });

  it("R3: a plain request for /app/{key} of a known key needs an upgrade; of any other it is the app's", () => {
    assert.equal(route("/app/app-key"), "upgrade-required");
    assert.equal(route("/ws/app/app-key", { pathPrefix: "/ws" }), "upgrade-required");
    assert.equal(route("/app/app-key", { isStandAlone: true }), "upgrade-required");
    assert.equal(route("/app/nope"), "upstream");
    assert.equal(route("/app/app-key/"), "upstream");
    assert.equal(route("/app/app-key", { pathPrefix: "/ws" }), "upstream");
  });

  it("R4: /apps/{id}/… is answered here for configured ids and known routes only", () => {
    assert.equal(route("/apps/app-id/events"), "http-api");
    assert.equal(route("/apps/app-id/channels/a/users"), "http-api");
    for (const path of [
      "/apps",
      "/apps/app-id",
      "/apps/app-id/nope",
      "/apps/other/x",
      "/application",
    ]) {
      assert.equal(route(path), "upstream", path);
    }
    assert.equal(route("/apps/other/events"), "upstream");
  });

  it("A02: a signed request for an unknown app id is answered here, so that its sender learns what is wrong", () => {
    assert.equal(route("/apps/other/events?auth_key=k&auth_signature=s"), "http-api");
    assert.equal(route("/apps/other/page?auth_signature=s"), "upstream");
    assert.equal(route("/apps/other/events?not_auth_signature=s"), "upstream");
    assert.equal(route("/apps/other/events", { isStandAlone: true }), "http-api");
  });

  it("A14: at the API's own door there is the API, no WebSocket and no page", () => {
    const door = { door: "api", isStandAlone: true } as const;
    assert.equal(route("/apps/app-id/events", door), "http-api");
    assert.equal(route("/ws/apps/app-id/events", { ...door, pathPrefix: "/ws" }), "http-api");
    assert.equal(route("/app/app-key", { ...door, isUpgrade }), "upstream");
    assert.equal(route("/page", door), "upstream");
  });

  it("A14: where the API has a door of its own only, its paths are nobody's here, and all else is as ever", () => {
    const door = { door: "everything_but_api" } as const;
    assert.equal(route("/apps/app-id/channels", door), "http-api-elsewhere");
    assert.equal(route("/apps/other/events?auth_signature=s", door), "http-api-elsewhere");
    assert.equal(route("/apps/other/events", door), "upstream");
    assert.equal(route("/app/app-key", { ...door, isUpgrade }), "ws app-key");
    assert.equal(route("/page", door), "upstream");
  });

  it("R5: a protocol parameter on ordinary pages has no effect", () => {
    assert.equal(route("/?protocol=7"), "upstream");
    assert.equal(route("/page?protocol=7", { isUpgrade }), "upstream");
  });

  it("R6: paths are taken by their bytes", () => {
    for (const path of [
      "//app/key",
      "/app%2Fkey",
      "/x/../app/key",
      "/app/key/../y",
      "/APP/key",
      "/./app/key",
    ]) {
      assert.equal(route(path, { isUpgrade }), "upstream", path);
    }
    for (const path of [
      "//apps/app-id/events",
      "/apps%2Fapp-id/events",
      "/x/../apps/app-id/events",
    ]) {
      assert.equal(route(path), "upstream", path);
    }
  });

  it("O01, R7: /up is the app's; stand-alone it is answered here", () => {
    assert.equal(route("/up"), "upstream");
    assert.equal(route("/up", { isStandAlone: true }), "health");
    assert.equal(route("/ws/up", { isStandAlone: true, pathPrefix: "/ws" }), "health");
  });

  it("O07: with POGO_PUBLIC_HEALTH /up and /pogo/health are answered here, whatever the prefix; nothing like them is", () => {
    const publicHealth = () => ({ status: 200, body: "{}" });
    for (const options of [{}, { pathPrefix: "/ws" }, { isStandAlone: true }]) {
      for (const path of ["/up", "/pogo/health", "/up?verbose"]) {
        assert.equal(route(path, { ...options, publicHealth }), "health", path);
        assert.equal(route(path, { ...options, publicHealth, isUpgrade }), "upstream", path);
      }
    }
    for (const path of ["/up/", "//up", "/pogo/health/x", "/pogo%2Fhealth"]) {
      assert.equal(route(path, { publicHealth }), "upstream", path);
    }
    assert.equal(route("/pogo/health"), "upstream");
  });

  it("C18: with a path prefix only paths below it are answered here", () => {
    const pathPrefix = "/ws";
    assert.equal(route("/ws/app/key", { pathPrefix, isUpgrade }), "ws key");
    assert.equal(route("/app/key", { pathPrefix, isUpgrade }), "upstream");
    assert.equal(route("/wsx/app/key", { pathPrefix, isUpgrade }), "upstream");
    assert.equal(route("/ws/apps/app-id/events", { pathPrefix }), "http-api");
    assert.equal(route("/apps/app-id/events", { pathPrefix }), "upstream");
  });
});

describe("handshakes that a proxy or a page got wrong", () => {
  const apps = new Map([["app-key", "1"]]);
  const found = (path: string, isUpgrade: boolean, hasWebSocketKey = true) =>
    misdirection(path, { isUpgrade, hasWebSocketKey }, apps);

  it("one without Upgrade is known by its Sec-WebSocket-Key", () => {
    assert.deepEqual(found("/app/app-key", false), { appId: "1", reason: "no_upgrade" });
    assert.equal(found("/app/app-key", false, false), null, "a person who looks at the URL");
  });

  it("one at another path is known by the end of its path", () => {
    for (const path of ["//app/app-key", "/ws/app/app-key", "/x/../app/app-key"]) {
      assert.deepEqual(found(path, true), { appId: "1", reason: "path" }, path);
    }
  });

  it("no other WebSocket of the app is one of these", () => {
    for (const path of ["/hmr", "/app/nope", "/app/app-key/x", "/app-key"]) {
      assert.equal(found(path, true), null, path);
    }
  });
});
