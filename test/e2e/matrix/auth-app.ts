/** The app behind the sidecar, no more than its two auth endpoints, which sign with Pusher's Node SDK. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type PusherServer from "pusher";
import type { Person } from "./client.ts";

/** What a bearer token of this app says: who it is, as a session would. */
export interface Identity extends Person {
  readonly watchlist?: readonly string[];
}

export interface AuthApp {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  stop(): Promise<void>;
}

export interface AuthAppOptions {
  readonly signer: PusherServer;
  /** Has another secret; signs the channels named `private-forged…`. */
  readonly forger: PusherServer;
}

export function bearerToken(identity: Identity): string {
  return Buffer.from(JSON.stringify(identity)).toString("base64url");
}

export async function startAuthApp(options: AuthAppOptions): Promise<AuthApp> {
  const server = createServer((request, response) => {
    answer(request, options)
      .then((body) =>
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      )
      .catch((error: unknown) => response.writeHead(403).end(String(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  { signer, forger }: AuthAppOptions,
): Promise<object> {
  const identity = identityOf(request);
  const form = new URLSearchParams(await text(request));
  const socketId = form.get("socket_id") ?? "";
  const channel = form.get("channel_name") ?? "";
  const { id, name, watchlist = [] } = identity;
  if (request.url === "/broadcasting/user-auth") {
    const user = { id, user_info: { id, name }, watchlist: [...watchlist] };
    return signer.authenticateUser(socketId, user);
  }
  if (channel.startsWith("presence-")) {
    return signer.authorizeChannel(socketId, channel, { user_id: id, user_info: { id, name } });
  }
  const isForged = channel.startsWith("private-forged");
  return (isForged ? forger : signer).authorizeChannel(socketId, channel);
}

/** @throws without a token */
function identityOf({ headers }: IncomingMessage): Identity {
  const [, token = ""] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? [];
  return JSON.parse(Buffer.from(token, "base64url").toString()) as Identity;
}
