/** Where the sidecar of a matrix cell posts its webhooks: keeps them as they came. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { inbox } from "../support/inbox.ts";
import type { Inbox } from "../support/inbox.ts";
import type { WebhookRequest } from "./server.ts";

export interface WebhookEndpoint {
  readonly url: string;
  readonly received: Inbox<WebhookRequest>;
  stop(): Promise<void>;
}

export async function startWebhookEndpoint(): Promise<WebhookEndpoint> {
  const received = inbox<WebhookRequest>("a webhook");
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
    received.take({ headers, body: await text(request) });
    response.writeHead(204).end();
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}/webhooks`,
    received,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
