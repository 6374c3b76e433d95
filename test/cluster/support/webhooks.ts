/** The app's endpoint for webhooks, which writes down every event that any node sends it. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import type { Scope } from "./cluster.ts";
import { until } from "../../../sidecar/testing/eventually.ts";

export interface Webhooks {
  readonly url: string;
  /** The events of a channel or user so far, as `name` and, for a member, its user: `member_added ada`. */
  about(subject: string): string[];
  /** Resolves once so many were sent. */
  untilSent(subject: string, count: number): Promise<string[]>;
}

interface WebhookEvent {
  readonly name: string;
  readonly channel?: string;
  readonly user_id?: string;
  readonly subscription_count?: number;
}

export async function startWebhooks(scope: Scope): Promise<Webhooks> {
  const events: WebhookEvent[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    events.push(...((await json(request)) as { events: WebhookEvent[] }).events);
    response.end();
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const about = (subject: string): string[] =>
    events
      .filter(({ channel, user_id: userId }) => (channel ?? userId) === subject)
      .map(({ name, channel, user_id: userId, subscription_count: count }) => {
        const detail = count ?? (channel === undefined ? undefined : userId);
        return detail === undefined ? name : `${name} ${detail}`;
      });
  return {
    url: `http://127.0.0.1:${port}/hook`,
    about,
    untilSent: (subject, count) =>
      until(`${count} events about ${subject}, not ${about(subject).join()}`, async () => {
        const sent = about(subject);
        return sent.length >= count && sent;
      }),
  };
}
