/**
 * How long the body of a request may take to arrive. Only time in which it is being read counts, not time in which it
 * has to wait.
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { isReceiving } from "./linger.ts";

const checkMs = 1_000;

/**
 * In place of Node's own `requestTimeout`, which counts on while a request waits for its turn, or for the app: unread, and through no
 * fault of its client.
 *
 * @param maxMs 0: no limit
 * @param onTimeout called with the connection of each that takes longer, a check later at most; MUST end it
 */
export function limitArrival(
  server: Server,
  maxMs: number,
  onTimeout: (socket: Socket) => void,
): void {
  if (maxMs === 0) return;
  /** Of each connection the last one, and for how many milliseconds it was read. */
  const arriving = new Map<Socket, { readonly req: IncomingMessage; ms: number }>();
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (req: IncomingMessage) => {
      if (isReceiving(req)) arriving.set(req.socket, { req, ms: 0 });
    });
  }
  const everyMs = Math.min(maxMs, checkMs);
  const check = (): void => {
    for (const [socket, arrival] of arriving) {
      const { req } = arrival;
      if (req.complete || req.destroyed) arriving.delete(socket);
      else if (req.isPaused() || socket.isPaused()) continue;
      else if (arrival.ms < maxMs) arrival.ms += everyMs;
      else if (arriving.delete(socket)) onTimeout(socket);
    }
  };
  server.once("listening", () => {
    const timer = setInterval(check, everyMs).unref();
    server.once("close", () => clearInterval(timer));
  });
}
