// The app's endpoint for webhooks, which writes down every fact that any node tells it.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { until } from "../../../sidecar/testing/redis/until.ts";
import type { Scope } from "./cluster.ts";

export interface Webhooks {
  readonly url: string;
  /** The facts of a channel or user so far, as `name` and, for a member, its user: `member_added ada`. */
  about(subject: string): string[];
  /** Resolves once so many were told. */
  untilTold(subject: string, count: number): Promise<string[]>;
}

interface Fact {
  readonly name: string;
  readonly channel?: string;
  readonly user_id?: string;
  readonly subscription_count?: number;
}

export async function startWebhooks(scope: Scope): Promise<Webhooks> {
  const facts: Fact[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    facts.push(...((await json(request)) as { events: Fact[] }).events);
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
    facts
      .filter(({ channel, user_id: userId }) => (channel ?? userId) === subject)
      .map(({ name, channel, user_id: userId, subscription_count: count }) => {
        const detail = count ?? (channel === undefined ? undefined : userId);
        return detail === undefined ? name : `${name} ${detail}`;
      });
  return {
    url: `http://127.0.0.1:${port}/hook`,
    about,
    untilTold: (subject, count) =>
      until(`${count} facts about ${subject}, not ${about(subject).join()}`, async () => {
        const told = about(subject);
        return told.length >= count && told;
      }),
  };
}
