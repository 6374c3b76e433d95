/** For tests of the proxy: an upstream of raw sockets, and what one request through a front did to it. */

import {
  connectRaw,
  hasMessage,
  listenRaw,
  parseMessage,
  type Cleanup,
  type RawMessage,
  type RawServer,
  type RawSocket,
} from "./raw-http.ts";
import { startFront, type Front } from "./proxy-front.ts";

export const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The whole requests in what a connection received. */
export function requestsOf(connection: RawSocket): RawMessage[] {
  const requests: RawMessage[] = [];
  let { text } = connection;
  while (hasMessage(text)) {
    const request = parseMessage(text);
    requests.push(request);
    text = request.rest;
  }
  return requests;
}

/** Answers every whole request, in order. `answers`: for the first, the second …; the last one for all others. */
export function startUpstream(test: Cleanup, ...answers: readonly string[]): Promise<RawServer> {
  return listenRaw(test, (connection) => {
    let answered = 0;
    connection.socket.on("data", () => {
      const count = requestsOf(connection).length;
      for (; answered < count; answered += 1) {
        connection.write(answers[Math.min(answered, answers.length - 1)] ?? ok);
      }
    });
  });
}

export interface Seen {
  /** Every byte of the upstream's first connection. */
  readonly text: string;
  /** The one request in it, if there was one. */
  readonly request: RawMessage;
  readonly reply: RawMessage;
  readonly front: Front;
  readonly upstream: RawServer;
  readonly client: RawSocket;
}

/** Sends one request through a front of its own to an upstream that answers `ok`. */
export async function sendThrough(
  test: Cleanup,
  request: string,
  options: Parameters<typeof startFront>[2] = {},
): Promise<Seen> {
  const upstream = await startUpstream(test);
  const front = await startFront(test, upstream.port, options);
  const client = await connectRaw(test, front.port);
  const isHead = request.startsWith("HEAD ");
  const received = await client
    .write(request)
    .until((text) => hasMessage(withoutContinue(text), { isHead }));
  const text = upstream.connections[0]?.text ?? "";
  return {
    text,
    request: parseMessage(text === "" ? "\r\n\r\n" : text),
    reply: parseMessage(withoutContinue(received), { isHead }),
    front,
    upstream,
    client,
  };
}

/** What follows a `100 Continue`, which is no answer yet. */
function withoutContinue(text: string): string {
  return text.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, "");
}

/** A request of HTTP/1.1 for app.test. */
export function requestOf(
  method: string,
  target: string,
  lines: readonly string[] = [],
  body = "",
): string {
  return [`${method} ${target} HTTP/1.1`, "Host: app.test", ...lines, "", body].join("\r\n");
}

/** `text` as one chunk and the end of a chunked body. */
export function chunked(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}
