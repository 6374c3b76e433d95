/** What Laravel cannot say for now is asked again by the sidecar: crowds before few workers, maintenance mode, restarts. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { laravel12 } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { connectClient, type Client } from "../kit/client.ts";

const answers: readonly string[] = [
  "pusher_internal:subscription_succeeded",
  "pusher:subscription_error",
];

describe("Laravel is asked again", { skip: needsLaravel(laravel12) }, () => {
  let stack: Stack;
  const cleanups: (() => unknown)[] = [];
  const scope = { after: (clean: () => unknown) => void cleanups.push(clean) };

  before(async () => {
    // Addresses are taken from X-Forwarded-For, so that a crowd may be many visitors, or one.
    const env = {
      POGO_TRUSTED_PROXIES: "127.0.0.1",
      POGO_HANDSHAKE_RATE: "5000",
      POGO_HANDSHAKE_BURST: "5000",
    };
    stack = await startStack(env, { release: laravel12 });
  });
  after(async () => {
    for (const cleanup of cleanups) cleanup();
    await stack?.stop();
  });

  /** So many clients, with the session of one page. */
  async function connect(count: number, address: (index: number) => string): Promise<Client[]> {
    const visitor = await stack.visitor(1);
    return Promise.all(
      Array.from({ length: count }, (_, index) =>
        connectClient(scope, stack.socketUrl, {
          Cookie: visitor.cookieHeader(),
          Origin: stack.sidecar.url,
          "X-Forwarded-For": address(index),
        }),
      ),
    );
  }

  const subscribe = (client: Client): void =>
    client.say("pusher:subscribe", { channel: "private-user.1" });

  /** What became of the subscribes, once all are answered. */
  async function outcomes(of: readonly Client[]): Promise<Record<string, number>> {
    const answered = ({ frames }: Client) => frames.find(({ event }) => answers.includes(event));
    while (!of.every(answered)) await pause(50);
    const counts: Record<string, number> = {};
    for (const client of of) {
      const { event = "", text = "" } = answered(client) ?? {};
      const outcome = event === answers[0] ? "subscribed" : text;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    for (const client of of) client.terminate();
    return counts;
  }

  /** Over all of its series. */
  async function counted(name: string): Promise<number> {
    const text = await (await fetch(`${stack.sidecar.adminUrl}/metrics`)).text();
    const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.+)$`, "gm"));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Resolves once so many authorizations wait. */
  async function waiting(count: number): Promise<void> {
    while ((await counted("pogo_websocket_auth_waiting")) !== count) await pause(20);
  }

  for (const count of [300, 600]) {
    test(`Q04, Q10: ${count} clients of one address at once before 4 workers are all subscribed`, async () => {
      const crowd = await connect(count, () => "203.0.113.1");
      crowd.forEach(subscribe);
      assert.deepEqual(await outcomes(crowd), { subscribed: count });
    });

    test(`Q04, Q10: so are ${count} of as many addresses`, async () => {
      const crowd = await connect(count, (index) => `10.0.${index >> 8}.${index & 255}`);
      crowd.forEach(subscribe);
      assert.deepEqual(await outcomes(crowd), { subscribed: count });
    });
  }

  const visitors = 40;
  const addressOf = (index: number): string => `198.51.100.${index}`;

  test("Q04, U09: twenty seconds of maintenance mode: all are subscribed, and signed in, when it is over", async () => {
    const crowd = await connect(visitors, addressOf);
    const [someone] = await connect(1, addressOf);
    assert.ok(someone);
    const refusedBefore = await counted("pogo_websocket_auth_failures_total");
    await stack.laravel.artisan("down");
    crowd.forEach(subscribe);
    someone.say("pusher:signin");
    await pause(20_000);
    assert.ok(
      crowd.every(({ frames }) => frames.length === 1),
      "nobody was refused meanwhile",
    );
    await stack.laravel.artisan("up");
    assert.deepEqual(await outcomes(crowd), { subscribed: visitors });
    while (!someone.frames.some(({ event }) => event === "pusher:signin_success")) await pause(50);
    assert.equal(await counted("pogo_websocket_auth_failures_total"), refusedBefore);
  });

  test("Q04: PHP ends and is started again: all are subscribed", async () => {
    const crowd = await connect(visitors, addressOf);
    await stack.laravel.restart(async () => {
      crowd.forEach(subscribe);
      await waiting(visitors);
      await pause(3_000);
    });
    assert.deepEqual(await outcomes(crowd), { subscribed: visitors });
  });

  test("Q07: who leaves meanwhile is not asked about", async () => {
    const crowd = await connect(visitors, addressOf);
    await stack.laravel.restart(async () => {
      crowd.forEach(subscribe);
      await waiting(visitors);
      for (const client of crowd.slice(1)) client.terminate();
      await waiting(1);
    });
    const asked = "pogo_websocket_auth_duration_seconds_count";
    const before = await counted(asked);
    assert.deepEqual(await outcomes(crowd.slice(0, 1)), { subscribed: 1 });
    assert.ok((await counted(asked)) - before <= 2);
  });
});
