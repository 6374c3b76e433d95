/** A page that broadcasts: one trace, from the browser's request through Laravel to the last write. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { startCollector } from "../kit/collector.ts";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import { inbox } from "./support/inbox.ts";
import { laravel12, laravelReleases } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";

for (const release of laravelReleases) {
  const title = `one trace from a page of Laravel ${release.major} that broadcasts to the last write`;
  test(title, { skip: needsLaravel(release) }, async (t) => {
    const collector = await startCollector(t);
    const stack = await startStack({ POGO_TRACE_ENDPOINT: collector.url }, { release });
    const { url } = stack.sidecar;
    const tabs = await Promise.all(
      [1, 2].map(async (userId) => {
        const visitor = await stack.visitor(userId);
        return { visitor, page: openEchoPage({ url, key: stack.app.key, visitor }) };
      }),
    );
    t.after(async () => {
      for (const { page } of tabs) page.leave();
      await stack.stop();
    });
    const inboxes = tabs.map(() => inbox<{ text: string }>("MessageSent on news"));
    for (const [index, { page }] of tabs.entries()) {
      await subscribed(
        page.echo.channel("news").listen("MessageSent", inboxes[index]?.take ?? (() => {})),
      );
    }
    const [first] = tabs;
    assert.ok(first);
    await broadcast(first.visitor, { kind: "public", channel: "news", text: "hi" });
    for (const texts of inboxes) assert.deepEqual(await texts.next(), { text: "hi" });

    const fanOut = await collector.span("fan out");
    const page = collector.spans.find(
      ({ name, attributes }) => name === "POST" && attributes["url.path"] === "/broadcast",
    );
    const [api, publish] = [
      await collector.span("POST /apps/{id}/events"),
      await collector.span("publish"),
    ];
    assert.ok(page);
    const chain = [page, api, publish, fanOut];
    assert.deepEqual(
      chain.map(({ traceId, parentSpanId }) => [traceId, parentSpanId]),
      [
        [page.traceId, ""],
        [page.traceId, page.spanId],
        [page.traceId, api.spanId],
        [page.traceId, publish.spanId],
      ],
    );
    assert.equal(fanOut.attributes["pogo.recipients"], 2);
    // Laravel waits for the answer to its publish before it answers the page.
    assert.ok(page.startNs <= api.startNs && api.endNs <= page.endNs);
  });
}

test(
  "what a job broadcasts belongs to the trace of the page that queued it",
  {
    skip: needsLaravel(laravel12) || needsRedis(),
  },
  async (t) => {
    const collector = await startCollector(t);
    const redis = await startRedis();
    t.after(() => redis.stop());
    const env = {
      QUEUE_CONNECTION: "redis",
      REDIS_CLIENT: "predis",
      REDIS_PORT: String(redis.port),
    };
    const stack = await startStack({ POGO_TRACE_ENDPOINT: collector.url }, { env });
    t.after(() => stack.stop());
    await broadcast(await stack.visitor(1), {
      kind: "public",
      channel: "news",
      text: "later",
      queued: true,
    });
    assert.deepEqual(
      collector.spans.filter(({ name }) => name === "publish"),
      [],
    );
    await stack.laravel.artisan("queue:work", "--once");
    const api = await collector.span("POST /apps/{id}/events");
    const page = collector.spans.find(({ attributes }) => attributes["url.path"] === "/broadcast");
    assert.deepEqual([api.traceId, api.parentSpanId], [page?.traceId, page?.spanId]);
  },
);
