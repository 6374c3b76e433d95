/** Subscribes without a signature, authorized by the sidecar's own question to a real Laravel. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openEchoPage, refused, subscribed } from "./support/echo-page.ts";
import type { EchoPage } from "./support/echo-page.ts";
import { inbox } from "./support/inbox.ts";
import { readMetric } from "./support/metrics.ts";
import { laravelReleases } from "./support/laravel.ts";
import type { LaravelRelease } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { connectClient, type Client } from "../kit/client.ts";

const succeeded = "pusher_internal:subscription_succeeded";

for (const release of laravelReleases) {
  const title = `subscribes without a signature, before Laravel ${release.major}`;
  describe(title, { skip: needsLaravel(release) }, () => suite(release));
}

function suite(release: LaravelRelease): void {
  let stack: Stack;
  const cleanups: (() => unknown)[] = [];
  const pages: EchoPage[] = [];

  // What Laravel stumbles over is said soon, not after half a minute.
  const env = { POGO_LOG_LEVEL: "trace", POGO_AUTH_RETRY_FOR: "1s" };

  before(async () => (stack = await startStack(env, { release })));
  after(async () => {
    for (const cleanup of cleanups) cleanup();
    for (const page of pages) page.leave();
    await stack?.stop();
  });

  /** A client that is no browser, with the cookies of a page and the page's origin. */
  async function connect(options: { userId?: number; origin?: string | null } = {}) {
    const visitor = await stack.visitor(options.userId);
    const { origin = stack.sidecar.url } = options;
    const scope = { after: (clean: () => unknown) => void cleanups.push(clean) };
    const client = await connectClient(scope, stack.socketUrl, {
      Cookie: visitor.cookieHeader(),
      ...(origin !== null && { Origin: origin }),
    });
    return { client, visitor };
  }

  /** A page whose pusher-js has a handler that answers `{auth: ""}` for each channel. */
  async function open(userId?: number, claimedUserId?: string) {
    const visitor = await stack.visitor(userId);
    const page = openEchoPage({
      url: stack.sidecar.url,
      key: stack.app.key,
      visitor,
      unsigned: true,
      ...(claimedUserId !== undefined && { claimedUserId }),
    });
    pages.push(page);
    return { ...page, visitor };
  }

  const asked = () =>
    readMetric(stack.sidecar.adminUrl, "pogo_websocket_auth_duration_seconds_count");

  async function refusal(client: Client, channel: string): Promise<unknown> {
    const answer = await client.ask(channel);
    assert.equal(answer.event, "pusher:subscription_error");
    assert.equal(answer.channel, channel);
    assert.ok(client.frames.some(({ event }) => event === "pusher:error"));
    return answer.data;
  }

  const denied = { type: "AuthError", error: "Connection is unauthorized", status: 403 };
  const unavailable = { type: "AuthError", error: "Authorization is unavailable", status: 503 };

  test("Q02: a private channel that is one's own, and its events", async () => {
    const { client, visitor } = await connect({ userId: 1 });
    assert.equal((await client.ask("private-user.1")).event, succeeded);
    await broadcast(visitor, { kind: "private", channel: "user.1", text: "mine" });
    const event = await client.next("App\\Events\\MessageSent", "private-user.1");
    assert.deepEqual(event.data, { text: "mine" });
  });

  test("Q02: a presence channel, as the member that Laravel names, whatever the client says", async () => {
    const { client } = await connect({ userId: 1 });
    const other = await connect({ userId: 2 });
    const ada = { id: 1, name: "Ada" };
    const first = await client.ask("presence-room.9", {
      auth: "",
      channel_data: '{"user_id":"99"}',
    });
    assert.deepEqual(first.data, { presence: { count: 1, ids: ["1"], hash: { 1: ada } } });
    await other.client.ask("presence-room.9");
    const joined = await client.next("pusher_internal:member_added", "presence-room.9");
    assert.deepEqual(joined.data, { user_id: "2", user_info: { id: 2, name: "Grace" } });
    other.client.terminate();
    await client.next("pusher_internal:member_removed", "presence-room.9");
  });

  test("Q03: Laravel's no is 403, for one who is logged in and for a guest", async () => {
    const { client } = await connect({ userId: 1 });
    assert.deepEqual(await refusal(client, "private-denied"), denied);
    assert.deepEqual(await refusal(client, "private-user.2"), denied);
    assert.deepEqual(await refusal(client, "private-unheard-of"), denied);
    const guest = await connect();
    assert.deepEqual(await refusal(guest.client, "private-user.1"), denied);
  });

  test("Q03: who logs out after the handshake is refused from then on, and keeps what there is", async () => {
    const { client, visitor } = await connect({ userId: 1 });
    assert.equal((await client.ask("private-user.1")).event, succeeded);
    assert.equal((await visitor.get("/logout")).status, 204);
    assert.deepEqual(await refusal(client, "private-orders.1"), denied);
    const other = await stack.visitor(1);
    await broadcast(other, { kind: "private", channel: "user.1", text: "still here" });
    await client.next("App\\Events\\MessageSent", "private-user.1");
  });

  test("Q02: a channel whose parameter is typed", async () => {
    const { client, visitor } = await connect({ userId: 3 });
    assert.equal((await client.ask("private-orders.5")).event, succeeded);
    await broadcast(visitor, { kind: "private", channel: "orders.5", text: "shipped" });
    const { data } = await client.next("App\\Events\\MessageSent", "private-orders.5");
    assert.deepEqual(data, { text: "shipped" });
  });

  test("Q05: an encrypted channel, with the key to read it", async () => {
    const { client, visitor } = await connect({ userId: 1 });
    const { event, data } = await client.ask("private-encrypted-user.1");
    assert.equal(event, succeeded);
    const signed = await visitor.post("/broadcasting/auth", {
      channel_name: "private-encrypted-user.1",
      socket_id: client.socketId,
    });
    const { shared_secret } = (await signed.json()) as { shared_secret: string };
    assert.deepEqual(data, { shared_secret });
    await broadcast(visitor, { kind: "encrypted", channel: "user.1", text: "secret" });
    const message = await client.next("App\\Events\\MessageSent", "private-encrypted-user.1");
    assert.deepEqual(Object.keys(message.data as object).toSorted(), ["ciphertext", "nonce"]);
  });

  test("Q04: a channel that makes Laravel stumble (500) is 503, and the connection goes on", async () => {
    const { client } = await connect({ userId: 1 });
    assert.deepEqual(await refusal(client, "private-orders.abc"), unavailable);
    assert.equal((await client.ask("private-orders.5")).event, succeeded);
  });

  test("Q08: a foreign page's visitor is not asked about at all", async () => {
    const before = await asked();
    const { client } = await connect({ userId: 1, origin: "https://evil.example" });
    assert.deepEqual(await refusal(client, "private-user.1"), denied);
    assert.equal(await asked(), before);
    const own = await connect({ userId: 1 });
    await own.client.ask("private-user.1");
    assert.equal(await asked(), before + 1);
  });

  test("Q08: nor about a client without an Origin, whose cookies no page vouches for", async () => {
    const before = await asked();
    const { client } = await connect({ userId: 1, origin: null });
    assert.deepEqual(await refusal(client, "private-user.1"), denied);
    assert.equal(await asked(), before);
  });

  test("S04: a name that Laravel would stumble over is refused without asking", async () => {
    const before = await asked();
    const { client } = await connect({ userId: 1 });
    for (const channel of ["private-a b", "private-ä", "private-a/../b", "private-user.1\n"]) {
      const { type, status } = (await refusal(client, channel)) as { type: string; status: number };
      assert.deepEqual({ type, status }, { type: "ChannelNameError", status: 400 });
    }
    assert.equal(await asked(), before);
  });

  test("Q01: a wrong signature is refused, and Laravel is not asked instead", async () => {
    const before = await asked();
    const { client } = await connect({ userId: 1 });
    const auth = `${stack.app.key}:${"0".repeat(64)}`;
    const answer = await client.ask("private-user.1", { auth });
    assert.deepEqual(answer.data, denied);
    assert.equal(await asked(), before);
  });

  test("proxy A17: one client can't open the breaker for the others", async () => {
    const { client } = await connect({ userId: 1 });
    for (let i = 0; i < 4; i++) {
      assert.deepEqual(await refusal(client, `private-orders.x${i}`), unavailable);
    }
    // POGO_MAX_AUTH_FAILURES: the others wait in vain, without being asked for.
    const before = await asked();
    for (let i = 4; i < 8; i++) {
      assert.deepEqual(await refusal(client, `private-orders.x${i}`), unavailable);
    }
    assert.equal(await asked(), before);
    const { client: other } = await connect({ userId: 2 });
    assert.equal((await other.ask("private-user.2")).event, succeeded);
    const state = `pogo_websocket_circuit_breaker_state{app_id="${stack.app.id}",state="closed"}`;
    assert.equal(await readMetric(stack.sidecar.adminUrl, state), 1);
  });

  test("U06: a signin without a signature is who Laravel says it is", async () => {
    const { client } = await connect({ userId: 2 });
    client.say("pusher:signin");
    const { data } = await client.next("pusher:signin_success");
    const { user_data } = data as { user_data: string };
    assert.deepEqual(JSON.parse(user_data), { id: "2", user_info: { name: "Grace" } });
    const guest = await connect();
    guest.client.say("pusher:signin");
    await guest.client.next("pusher:error");
  });

  test("Q04: maintenance mode is 503, and all is well when it is over", async () => {
    const { client } = await connect({ userId: 1 });
    await stack.laravel.artisan("down");
    try {
      assert.deepEqual(await refusal(client, "private-user.1"), unavailable);
    } finally {
      await stack.laravel.artisan("up");
    }
    // That one may have failed so often that its next question waits for the window to pass.
    const { client: next } = await connect({ userId: 1 });
    assert.equal((await next.ask("private-user.1")).event, succeeded);
  });

  test("S07: Echo whose handler answers an empty auth: its own channel, and what Laravel broadcasts there", async () => {
    const { echo, visitor } = await open(1);
    const texts = inbox<{ text: string }>("MessageSent");
    await subscribed(echo.private("user.1").listen("MessageSent", texts.take));
    await subscribed(echo.private("orders.6").listen("MessageSent", texts.take));
    await broadcast(visitor, { kind: "private", channel: "user.1", text: "one" });
    await broadcast(visitor, { kind: "private", channel: "orders.6", text: "two" });
    assert.deepEqual([await texts.next(), await texts.next()], [{ text: "one" }, { text: "two" }]);
  });

  test("S07, Q03, Q04: Echo's .error() is called with 403 for a no of Laravel's, with 503 where it stumbles", async () => {
    const { echo } = await open(2);
    const guest = await open();
    assert.deepEqual(
      await Promise.all([
        refused(echo.private("denied")),
        refused(echo.private("user.1")),
        refused(guest.echo.private("user.1")),
        refused(echo.private("orders.abc")),
      ]),
      [denied, denied, denied, unavailable],
    );
  });

  test("P01, P03, P06: Echo's presence list names who Laravel says they are, whatever the page says", async () => {
    const first = await open(1, "1");
    const here = inbox<object[]>("here");
    const joining = inbox<object>("joining");
    const leaving = inbox<object>("leaving");
    first.echo.join("room.7").here(here.take).joining(joining.take).leaving(leaving.take);
    assert.deepEqual(await here.next(), [{ id: 1, name: "Ada" }]);

    const second = await open(2, "3");
    await subscribed(second.echo.join("room.7"));
    assert.deepEqual(await joining.next(), { id: 2, name: "Grace" });
    second.leave();
    assert.deepEqual(await leaving.next(), { id: 2, name: "Grace" });
  });

  test("proxy A22: no cookie, signature or secret is in the log", () => {
    const log = stack.sidecar.lines.join("\n");
    assert.match(log, /"subscription or signin refused"/);
    for (const secret of ["laravel_test_app_session", "XSRF-TOKEN", stack.app.secret]) {
      assert.ok(!log.includes(secret), secret);
    }
    assert.doesNotMatch(log, /[0-9a-f]{64}/);
  });
}
