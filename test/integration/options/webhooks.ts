/** What the app is told by webhooks. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { TestContext } from "node:test";
import type { webhook, webhooks } from "../../../sidecar/config/table/webhooks.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { startApp } from "../../kit/start.ts";
import type { Rows } from "./stage.ts";

export const webhooksRows: Rows<typeof webhook | typeof webhooks> = {
  async POGO_WEBHOOK_URL({ test, start, connect }) {
    const hook = await startHook(test);
    await (await connect(await start(hook.url))).subscribe("news");
    await waitFor(() => hook.events().length === 1);
    assert.deepEqual(hook.events(), ["channel_occupied news"]);
  },
  async POGO_WEBHOOK_SECRET({ test, start, connect }) {
    const hook = await startHook(test);
    await (await connect(await start("another", { POGO_WEBHOOK_URL: hook.url }))).subscribe("news");
    await waitFor(() => hook.received.length === 1);
    const [{ body, signature } = { body: "", signature: "" }] = hook.received;
    assert.equal(signature, createHmac("sha256", "another").update(body).digest("hex"));
  },
  async POGO_WEBHOOK_EVENTS({ test, start, connect }) {
    const hook = await startHook(test);
    const env = { POGO_WEBHOOK_URL: hook.url, POGO_WEBHOOK_GRACE: "0" };
    const client = await connect(await start("channel_vacated", env));
    await client.subscribe("news");
    client.say("pusher:unsubscribe", { channel: "news" });
    await waitFor(() => hook.events().length === 1);
    assert.deepEqual(hook.events(), ["channel_vacated news"]);
  },
  async POGO_WEBHOOK_CHANNEL_PREFIX({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("b", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("a");
    await client.subscribe("b");
    await waitFor(() => hook.events().length > 0);
    assert.deepEqual(hook.events(), ["channel_occupied b"]);
  },
  async POGO_WEBHOOK_BATCH_WINDOW({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("500ms", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("a");
    // Longer than the default.
    await new Promise((resolve) => setTimeout(resolve, 150));
    await client.subscribe("b");
    await waitFor(() => hook.events().length === 2);
    assert.equal(hook.received.length, 1);
  },
  async POGO_WEBHOOK_GRACE({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("0", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("news");
    client.say("pusher:unsubscribe", { channel: "news" });
    await client.subscribe("news");
    await waitFor(() => hook.events().length === 3);
    const [occupied, vacated] = ["channel_occupied news", "channel_vacated news"];
    assert.deepEqual(hook.events(), [occupied, vacated, occupied]);
  },
  async POGO_WEBHOOK_QUEUE_SIZE({ test, start, connect }) {
    const hook = await startHook(test, "never");
    const env = { POGO_WEBHOOK_URL: hook.url, POGO_WEBHOOK_BATCH_WINDOW: "0" };
    const sidecar = await start("1", env);
    const client = await connect(sidecar);
    for (const channel of ["a", "b", "c"]) await client.subscribe(channel);
    const dropped = await sidecar.counted("pogo_websocket_webhook_dropped_total");
    assert.ok(Object.keys(dropped).length === 1, JSON.stringify(dropped));
  },
  async POGO_WEBHOOK_TIMEOUT({ test, start, connect }) {
    const hook = await startHook(test, "never");
    const sidecar = await start("50ms", { POGO_WEBHOOK_URL: hook.url });
    await (await connect(sidecar)).subscribe("news");
    await waitFor(() =>
      sidecar.lines.some(({ msg }) => String(msg).startsWith("a webhook endpoint")),
    );
  },
  async POGO_WEBHOOK_RETRY_FOR({ test, start, connect }) {
    const hook = await startHook(test, 500);
    const sidecar = await start("0", { POGO_WEBHOOK_URL: hook.url });
    await (await connect(sidecar)).subscribe("news");
    await waitFor(() => sidecar.lines.some(({ msg }) => msg === "webhook events dropped"));
  },
};

/** An endpoint for webhooks that keeps what it was told. */
async function startHook(test: TestContext, answer: number | "never" = 200) {
  const received: { body: string; signature: string }[] = [];
  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const signature = String(req.headers["x-pusher-signature"]);
    received.push({ body: await readText(req), signature });
    if (answer !== "never") res.writeHead(answer).end();
  }
  const url = await startApp(test, (req, res) => void take(req, res));
  const events = (): string[] =>
    received.flatMap(({ body }) =>
      Object(JSON.parse(body)).events.map(
        ({ name, channel }: { name: string; channel: string }) => `${name} ${channel}`,
      ),
    );
  return { url: `${url}/hook`, received, events };
}
