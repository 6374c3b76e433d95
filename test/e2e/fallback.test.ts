// Subscribes without a signature, authorized by the sidecar's own question to a real Laravel.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readMetric } from "./support/metrics.ts";
import { needsLaravel } from "./support/needs.ts";
import { rawClient } from "./support/raw-client.ts";
import type { RawClient } from "./support/raw-client.ts";
import { broadcast, startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";

const succeeded = "pusher_internal:subscription_succeeded";

describe("subscribes without a signature, before a real Laravel", { skip: needsLaravel() }, () => {
  let stack: Stack;
  const clients: RawClient[] = [];

  before(async () => (stack = await startStack()));
  after(async () => {
    for (const client of clients) client.terminate();
    await stack?.stop();
  });

  /** A client that is no browser, with the cookies of a page and the page's origin. */
  async function connect(options: { userId?: number; origin?: string } = {}) {
    const visitor = await stack.visitor(options.userId);
    const client = await rawClient(stack.socketUrl, {
      headers: { Cookie: visitor.cookieHeader(), Origin: options.origin ?? stack.sidecar.url },
    });
    clients.push(client);
    await client.established();
    return { client, visitor };
  }

  const asked = () =>
    readMetric(stack.sidecar.adminUrl, "pogo_websocket_auth_duration_seconds_count");

  async function refusal(client: RawClient, channel: string): Promise<unknown> {
    const answer = await client.subscribe(channel);
    assert.equal(answer.event, "pusher:subscription_error");
    assert.equal(answer.channel, channel);
    assert.ok(client.frames.some(({ event }) => event === "pusher:error"));
    return answer.data;
  }

  const denied = { type: "AuthError", error: "Connection is unauthorized", status: 403 };
  const unavailable = { type: "AuthError", error: "Authorization is unavailable", status: 503 };

  test("A25: a private channel that is one's own, and its events", async () => {
    const { client, visitor } = await connect({ userId: 1 });
    assert.equal((await client.subscribe("private-user.1")).event, succeeded);
    await broadcast(visitor, { kind: "private", channel: "user.1", text: "mine" });
    const event = await client.next("App\\Events\\MessageSent", "private-user.1");
    assert.deepEqual(event.data, { text: "mine" });
  });

  test("A25: a presence channel, as the member that Laravel names, whatever the client says", async () => {
    const { client } = await connect({ userId: 1 });
    const other = await connect({ userId: 2 });
    const ada = { id: 1, name: "Ada" };
    const first = await client.subscribe("presence-room.9", {
      auth: "",
      channel_data: '{"user_id":"99"}',
    });
    assert.deepEqual(first.data, { presence: { count: 1, ids: ["1"], hash: { 1: ada } } });
    await other.client.subscribe("presence-room.9");
    const joined = await client.next("pusher_internal:member_added", "presence-room.9");
    assert.deepEqual(joined.data, { user_id: "2", user_info: { id: 2, name: "Grace" } });
    other.client.terminate();
    await client.next("pusher_internal:member_removed", "presence-room.9");
  });

  test("A8: Laravel's no is 403, for one who is logged in and for a guest", async () => {
    const { client } = await connect({ userId: 1 });
    assert.deepEqual(await refusal(client, "private-denied"), denied);
    assert.deepEqual(await refusal(client, "private-user.2"), denied);
    assert.deepEqual(await refusal(client, "private-unheard-of"), denied);
    const guest = await connect();
    assert.deepEqual(await refusal(guest.client, "private-user.1"), denied);
  });

  test("A9: a channel that makes Laravel stumble (500) is 503, and the connection goes on", async () => {
    const { client } = await connect({ userId: 1 });
    assert.deepEqual(await refusal(client, "private-orders.abc"), unavailable);
    assert.equal((await client.subscribe("private-orders.5")).event, succeeded);
  });

  test("A18: a foreign page's visitor is not asked about at all", async () => {
    const before = await asked();
    const { client } = await connect({ userId: 1, origin: "https://evil.example" });
    assert.deepEqual(await refusal(client, "private-user.1"), denied);
    assert.equal(await asked(), before);
  });

  test("A17: one client can't open the breaker for the others", async () => {
    const { client } = await connect({ userId: 1 });
    for (let i = 0; i < 8; i++) {
      assert.deepEqual(await refusal(client, `private-orders.x${i}`), unavailable);
    }
    const { client: other } = await connect({ userId: 2 });
    assert.equal((await other.subscribe("private-user.2")).event, succeeded);
    const state = 'pogo_websocket_circuit_breaker_state{state="closed"}';
    assert.equal(await readMetric(stack.sidecar.adminUrl, state), 1);
  });

  test("U06: a signin without a signature is who Laravel says it is", async () => {
    const { client } = await connect({ userId: 2 });
    client.send({ event: "pusher:signin", data: {} });
    const { data } = await client.next("pusher:signin_success");
    const { user_data } = data as { user_data: string };
    assert.deepEqual(JSON.parse(user_data), { id: "2", user_info: { name: "Grace" } });
    const guest = await connect();
    guest.client.send({ event: "pusher:signin", data: {} });
    await guest.client.next("pusher:error");
  });

  test("A9: maintenance mode is 503, and all is well when it is over", async () => {
    const { client } = await connect({ userId: 1 });
    await stack.laravel.artisan("down");
    try {
      assert.deepEqual(await refusal(client, "private-user.1"), unavailable);
    } finally {
      await stack.laravel.artisan("up");
    }
    assert.equal((await client.subscribe("private-user.1")).event, succeeded);
  });
});
