/** For tests: an app's endpoint, a real server on the loopback that keeps what it was sent. */

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly socket: Socket;
}

export interface Endpoint {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** The first, second … request. */
  request(number: number): Received;
  /** Connections ever made. */
  readonly connections: readonly Socket[];
  /** Resolves once so many requests were received. */
  receives(count: number): Promise<void>;
}

/** What the endpoint does with its first, second … request; the last one for all others. */
export type Answer = (response: ServerResponse, received: Received) => void;

export const answer =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end();

/** Never answers. */
export const silence: Answer = () => undefined;

/** `listen`: a unix socket's path instead of a port. */
export async function startEndpoint(
  test: TestContext,
  answers: readonly Answer[] = [answer(200)],
  { listen, server = createServer() }: { listen?: string; server?: Server } = {},
): Promise<Endpoint> {
  const received: Received[] = [];
  const connections: Socket[] = [];
  const waiting = new Set<() => void>();

  server.on("connection", (socket) => connections.push(socket));
  server.on("request", (request, response) => void take(request, response));
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { method = "", url = "", headers, socket } = request;
    const one = { method, url, headers, body, socket };
    const index = Math.min(received.length, answers.length - 1);
    received.push(one);
    for (const look of waiting) look();
    answers[index]?.(response, one);
  }

  if (listen === undefined) server.listen(0, "127.0.0.1");
  else server.listen(listen);
  await once(server, "listening");
  test.after(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });

  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    received,
    connections,
    request(number) {
      const one = received[number - 1];
      assert.ok(one, `request ${number} of ${received.length}`);
      return one;
    },
    receives(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (received.length < count) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      return promise;
    },
  };
}

/** A port of the loopback where nobody listens. */
export async function findDeadPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : 0;
}
