import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatErrors, loadConfig, type Config } from "../../sidecar/config.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";
import {
  dotenvBlocks,
  page,
  rowsOf,
  section,
  tableEnv,
  type Env,
} from "../e2e/support/migrating-page.ts";

const credentials = { POGO_APP_ID: "1", POGO_APP_KEY: "key", POGO_APP_SECRET: "secret" };
const soketi = section("From Soketi");
const pusher = section("From Pusher Channels");
const [, pusherSidecar = {}] = dotenvBlocks(pusher);

function load(env: Env): Config {
  const readFile = (): never => assert.fail("no file was named");
  const loaded = loadConfig({ argv: [], env: { ...credentials, ...env }, readFile });
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  return loaded.config;
}

describe("docs/migrating.md", () => {
  const names = new Set(page.match(/\b(POGO|REVERB)_[A-Z_]*[A-Z]\b/g));
  const known = new Set(allOptions.flatMap(({ env, laravel }) => [env, laravel]));
  for (const name of names) {
    it(`${name} is an option`, () => assert.ok(known.has(name as `POGO_${string}`)));
  }

  const rows = rowsOf(soketi);
  it("has a table of Soketi's options", () => assert.ok(rows.length > 15, String(rows.length)));
  for (const { before, after } of rows) {
    it(`${Object.keys(before).join(", ")}: ${Object.keys(after).join(", ")} is taken`, () => {
      assert.ok(Object.keys(before).every((name) => name.startsWith("SOKETI_")));
      assert.ok(Object.keys(after).length > 0);
      load(after);
    });
  }

  it("gives each of Soketi's values in the unit that it has here", () => {
    const before: Record<string, string> = Object.assign({}, ...rows.map((row) => row.before));
    const number = (name: string): number => Number(before[`SOKETI_${name}`]);
    const { apps, server, admin, webhooks } = load(tableEnv(soketi));
    const [app] = apps;
    const endpoints = webhooks.apps.flatMap((of) => of.endpoints);
    const [{ url, event_types: types }] = JSON.parse(before["SOKETI_DEFAULT_APP_WEBHOOKS"] ?? "");
    assert.deepEqual(
      {
        port: server.port,
        adminPort: admin.port,
        graceMs: server.shutdownTimeoutMs,
        connections: app?.maxConnections,
        publishRate: app?.publishRate,
        clientEventRate: app?.clientEventRate,
        eventBytes: app?.maxEventDataBytes,
        nameLength: app?.maxEventNameLength,
        channels: app?.maxChannelsPerPublish,
        members: app?.maxPresenceMembers,
        memberBytes: app?.maxPresenceMemberBytes,
        batchWindowMs: webhooks.batchWindowMs,
        endpoints: endpoints.map(({ url, events }) => ({ url, events: [...(events ?? [])] })),
      },
      {
        port: number("PORT"),
        adminPort: number("METRICS_SERVER_PORT"),
        graceMs: number("SHUTDOWN_GRACE_PERIOD"),
        connections: number("DEFAULT_APP_MAX_CONNS"),
        publishRate: rate(number("DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC")),
        clientEventRate: rate(number("DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC")),
        eventBytes: number("EVENT_MAX_SIZE_IN_KB") * 1024,
        nameLength: number("EVENT_MAX_NAME_LENGTH"),
        channels: number("EVENT_MAX_CHANNELS_AT_ONCE"),
        members: number("PRESENCE_MAX_MEMBERS"),
        memberBytes: number("PRESENCE_MAX_MEMBER_SIZE") * 1024,
        batchWindowMs: number("WEBHOOKS_BATCHING_DURATION"),
        endpoints: [{ url, events: types }],
      },
    );
  });

  it("none is a value of what is unlimited at Soketi by -1, and -1 is not", () => {
    for (const name of ["POGO_APP_MAX_CONNECTIONS", "POGO_API_PUBLISH_RATE"]) {
      load({ [name]: "none" });
      assert.throws(() => load({ [name]: "-1" }), /"-1" is not .*, or none/);
    }
    assert.deepEqual(load({}).apps[0]?.clientEventRate, { perSecond: 250, burst: 250 });
  });

  it("laravel-echo-server's environment is taken", () => {
    const [appEnv = {}, sidecarEnv = {}] = dotenvBlocks(section("From laravel-echo-server"));
    const { redisBroadcasts, apps } = load({ ...appEnv, ...sidecarEnv });
    assert.deepEqual(redisBroadcasts?.apps, [{ id: "1", prefix: "laravel_database_" }]);
    assert.equal(apps[0]?.acceptsUnsignedAnswers, true);
  });

  it("Pusher's environment is taken, with counts, webhooks and Pusher's rule for client events", () => {
    const { apps, webhooks } = load(pusherSidecar);
    assert.equal(apps[0]?.subscriptionCount, true);
    assert.equal(apps[0]?.acceptClientEventsFrom, "private");
    assert.equal(webhooks.apps[0]?.endpoints.length, 1);
  });
});

function rate(perSecond: number): object {
  return { perSecond, burst: perSecond };
}
