/** An app that does not trust the sidecar, as `laravel new` makes it: the main job works, the clients' addresses are lost. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import type { EchoPage } from "./support/echo-page.ts";
import { inbox } from "./support/inbox.ts";
import type { SeenByPhp } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";

describe("Laravel without trustProxies", { skip: needsLaravel() }, () => {
  let stack: Stack;
  const pages: EchoPage[] = [];
  /** Behind a proxy that the sidecar, but not the app, is told to trust. */
  const forwarded = { "X-Forwarded-For": "203.0.113.7" };

  before(async () => {
    stack = await startStack(
      { POGO_TRUSTED_PROXIES: "127.0.0.1" },
      { env: { WITHOUT_TRUSTED_PROXIES: "true" } },
    );
  });
  after(async () => {
    for (const page of pages) page.leave();
    await stack?.stop();
  });

  const open = async (userId: number, unsigned: boolean) => {
    const visitor = await stack.visitor(userId);
    const { url } = stack.sidecar;
    const claimed = unsigned ? { unsigned, claimedUserId: String(userId) } : {};
    const page = openEchoPage({ url, key: stack.app.key, visitor, ...claimed });
    pages.push(page);
    return { ...page, visitor };
  };

  for (const unsigned of [false, true]) {
    const how = unsigned ? "asked for by the sidecar" : "signed";
    test(`public, private and presence channels, ${how}, and the events that a route broadcasts`, async () => {
      const { echo, visitor } = await open(1, unsigned);
      const texts = inbox<{ text: string }>("MessageSent");
      await subscribed(echo.channel("news").listen("MessageSent", texts.take));
      await subscribed(echo.private("user.1").listen("MessageSent", texts.take));
      const here = inbox<{ name: string }[]>("here");
      echo.join("room.1").here(here.take).listen("MessageSent", texts.take);
      assert.deepEqual(await here.next(), [{ id: 1, name: "Ada" }]);
      for (const [kind, channel] of [
        ["public", "news"],
        ["private", "user.1"],
        ["presence", "room.1"],
      ] as const) {
        await broadcast(visitor, { kind, channel, text: `on ${channel}` });
        assert.deepEqual(await texts.next(), { text: `on ${channel}` });
      }
      echo.leave("room.1");
    });
  }

  test("every visitor has the sidecar's address, as the README says", async () => {
    const visitor = await stack.visitor();
    const answer = await visitor.get("/headers", forwarded);
    const { ip, headers } = (await answer.json()) as SeenByPhp;
    assert.equal(ip, "127.0.0.1");
    assert.deepEqual(headers["x-forwarded-for"], ["203.0.113.7, 127.0.0.1"]);
  });

  test("links have the address that the page was asked for at", async () => {
    const visitor = await stack.visitor();
    const { url } = (await (await visitor.get("/headers")).json()) as SeenByPhp;
    assert.equal(url, `${stack.sidecar.url}/headers`);
  });
});
