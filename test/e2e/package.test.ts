/** The Composer package pogo/sidecar, in a real app: webhooks as events, and the API. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import type { EchoPage } from "./support/echo-page.ts";
import { httpClient, json } from "./support/http-client.ts";
import type { HttpClient } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { laravelFolder, laravelReleases, startLaravel } from "./support/laravel.ts";
import type { LaravelRelease } from "./support/laravel.ts";
import { needsLaravel, needsPackageTools } from "./support/needs.ts";
import { repository } from "../kit/process.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { until, within } from "../../sidecar/testing/eventually.ts";

interface Received {
  readonly class: string;
  readonly appKey: string;
  readonly [field: string]: unknown;
}

for (const release of laravelReleases) {
  const title = `the package in Laravel ${release.major}`;
  describe(title, { skip: needsLaravel(release) }, () => suite(release));
}

describe("the package's own checks", { skip: needsPackageTools() }, () => {
  const folder = join(repository, "laravel");
  const checks: readonly [title: string, command: string, ...args: string[]][] = [
    ["Pint", "tools/vendor/bin/pint", "--test"],
    [
      "PHPStan at its highest level",
      "tools/vendor/bin/phpstan",
      "analyse",
      "--no-progress",
      "--memory-limit=1G",
    ],
  ];
  for (const [title, command, ...args] of checks) {
    test(title, () => run("php", [command, ...args], {}));
  }
  for (const { major, php, vendorFolder } of laravelReleases) {
    test(`PHPUnit with Laravel ${major}`, () =>
      run(php, ["tools/vendor/bin/phpunit"], { LARAVEL_VENDOR: vendorFolder }));
  }

  async function run(command: string, args: string[], env: Record<string, string>): Promise<void> {
    const child = startChild(command, args, { cwd: folder, env });
    const { code } = await child.exited;
    assert.equal(code, 0, child.lines.join("\n"));
  }
});

function suite(release: LaravelRelease): void {
  let stack: Stack;
  let guest: HttpClient;
  const pages: EchoPage[] = [];

  before(async () => {
    const adminPort = String(await freePort());
    stack = await startStack(
      {
        POGO_WEBHOOK_URL: "/pogo/webhooks",
        POGO_WEBHOOK_GRACE: "0",
        POGO_ADMIN_PORT: adminPort,
      },
      { release, env: { POGO_ADMIN_URL: `http://127.0.0.1:${adminPort}` } },
    );
    guest = await stack.visitor();
  });
  after(async () => {
    for (const page of pages) page.leave();
    await stack?.stop();
  });

  async function open(userId: number): Promise<EchoPage> {
    const visitor = await stack.visitor(userId);
    const page = openEchoPage({ url: stack.sidecar.url, key: stack.app.key, visitor });
    pages.push(page);
    return page;
  }

  const events = async (): Promise<Received[]> => json(await guest.get("/sidecar/events"));

  /** Waits until the app has been told of an event with these fields. */
  async function received(fields: Record<string, unknown>): Promise<Received> {
    const isIt = (event: Received): boolean =>
      Object.entries(fields).every(([name, value]) => event[name] === value);
    const search = async (): Promise<Received> => {
      for (;;) {
        const found = (await events()).find(isIt);
        if (found) return found;
        await sleep(50);
      }
    };
    return within(JSON.stringify(fields), search(), 10_000);
  }

  test("W01: who came and who went arrives as Laravel events", async () => {
    const page = await open(1);
    await subscribed(page.echo.join("room.5"));
    const channel = "presence-room.5";
    const occupied = await received({ class: "ChannelOccupied", channel });
    assert.equal(occupied.appKey, stack.app.key);
    await received({ class: "MemberAdded", channel, userId: "1" });
    page.echo.leave("room.5");
    await received({ class: "MemberRemoved", channel, userId: "1" });
    await received({ class: "ChannelVacated", channel });
    const order = (await events()).filter((event) => event["channel"] === channel);
    assert.deepEqual(
      order.map((event) => event.class).filter((name) => name.startsWith("Member")),
      ["MemberAdded", "MemberRemoved"],
    );
  });

  test("W01: a client event, decoded, and a user who signed in", async () => {
    const page = await open(2);
    const channel = page.echo.join("room.6");
    await subscribed(channel);
    channel.whisper("typing", { name: "Grace" });
    const whisper = await received({ class: "ClientEventReceived", event: "client-typing" });
    assert.deepEqual(whisper["data"], { name: "Grace" });
    assert.equal(whisper["userId"], "2");
    page.pusher.signin();
    await received({ class: "UserOnline", userId: "2" });
    page.leave();
    await received({ class: "UserOffline", userId: "2" });
  });

  test("channels, users, connections, an event for a user, and terminate", async () => {
    const page = await open(3);
    await subscribed(page.echo.join("room.7"));
    const greetings = inbox<unknown>("greeting");
    page.pusher.user.bind("greeting", greetings.take);
    page.pusher.signin();
    await received({ class: "UserOnline", userId: "3" });
    const channels = await json(await guest.get("/sidecar/channels?prefix=presence-room.7"));
    assert.deepEqual(channels, { "presence-room.7": { user_count: 1 } });
    assert.deepEqual(await json(await guest.get("/sidecar/users/presence-room.7")), ["3"]);
    const { connections } = await json<{ connections: number }>(
      await guest.get("/sidecar/connections"),
    );
    assert.ok(connections >= 1);
    assert.equal((await guest.post("/sidecar/send/3", { text: "hello" })).status, 200);
    assert.deepEqual(await greetings.next(), { text: "hello" });
    assert.equal((await guest.post("/sidecar/terminate/3", {})).status, 200);
    await received({ class: "UserOffline", userId: "3" });
  });

  test("hold keeps new requests waiting, and release lets them go", async () => {
    const app = httpClient(stack.laravel.url);
    assert.equal((await app.post("/sidecar/hold")).status, 200);
    let isAnswered = false;
    const waiting = guest.get("/up").then(({ status }) => {
      isAnswered = true;
      return status;
    });
    await until("the request to wait", async () => {
      const { adminUrl } = stack.sidecar;
      return /^pogo_proxy_requests_paused 1$/m.test(
        await (await fetch(`${adminUrl}/metrics`)).text(),
      );
    });
    assert.equal(isAnswered, false);
    assert.equal((await app.post("/sidecar/release")).status, 200);
    assert.equal(await waiting, 200);
  });

  test("pogo:install --dry-run changes nothing", async () => {
    const env = (): string => readFileSync(join(laravelFolder, ".env"), "utf8");
    const before = env();
    await stack.laravel.artisan("pogo:install", "--dry-run", "--no-interaction");
    assert.equal(env(), before);
  });

  test("pogo:doctor finds nothing wrong, and asks the sidecar itself", async () => {
    const written = await stack.laravel.artisan("pogo:doctor");
    assert.match(written, /Credentials: .* knows the app 123456/);
    assert.match(written, /Trusted proxies: 127\.0\.0\.1 is trusted/);
    assert.match(written, /The sidecar itself: version \S+, \d+ connections/);
    assert.doesNotMatch(written, /wrong|skipped/);
  });

  test("pogo:doctor says why nobody answers, and not what it had signed", async (t) => {
    const laravel = await startLaravel({ sidecarPort: await freePort(), release });
    t.after(() => laravel.stop());
    await assert.rejects(laravel.artisan("pogo:doctor"), (error: Error) => {
      assert.match(error.message, /nobody answers at http:\/\/127\.0\.0\.1:\d+/);
      assert.match(error.message, /where PHP publishes: cURL error 7: Failed to connect/);
      assert.doesNotMatch(error.message, /auth_signature|see https/);
      return true;
    });
  });

  test("php artisan about has a section", async () => {
    const written = await stack.laravel.artisan("about", "--only=pogo_sidecar");
    assert.match(written, /Publishes to\W+http:\/\/127\.0\.0\.1:\d+/);
  });

  test("pogo:reconcile says what a lost webhook would have said", async () => {
    // She came, as far as the app knows, and her going never arrived.
    const channel = "presence-room.99";
    const events = [{ name: "member_added", channel, user_id: "77" }];
    assert.equal((await post(JSON.stringify({ time_ms: Date.now(), events }))).status, 204);
    await received({ class: "MemberAdded", channel, userId: "77" });
    assert.match(
      await stack.laravel.artisan("pogo:reconcile", "--settle=0"),
      /1 events dispatched/,
    );
    await received({ class: "MemberRemoved", channel, userId: "77" });
    assert.match(await stack.laravel.artisan("pogo:reconcile"), /Nothing was missed/);
  });

  function post(text: string, secret = stack.app.secret, key = stack.app.key): Promise<Response> {
    return fetch(`${stack.laravel.url}/pogo/webhooks`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Pusher-Key": key,
        "X-Pusher-Signature": createHmac("sha256", secret).update(text).digest("hex"),
      },
      body: text,
    });
  }

  describe("a webhook request", () => {
    const body = (channel: string, timeMs = Date.now()): string =>
      JSON.stringify({ time_ms: timeMs, events: [{ name: "channel_occupied", channel }] });
    const count = async (channel: string): Promise<number> =>
      (await events()).filter((event) => event["channel"] === channel).length;

    test("counts once, however often it is delivered", async () => {
      const text = body("once");
      for (const status of [204, 204]) assert.equal((await post(text)).status, status);
      assert.equal(await count("once"), 1);
    });

    test("is refused with another secret, another app's key, or another body", async () => {
      assert.equal((await post(body("forged"), "another")).status, 401);
      assert.equal((await post(body("forged"), undefined, "another-key")).status, 401);
      assert.equal(await count("forged"), 0);
    });

    test("is not heeded when it is old: somebody may have copied it", async () => {
      assert.equal((await post(body("old", Date.now() - 3_600_000))).status, 204);
      assert.equal(await count("old"), 0);
    });
  });
}
