/** How long the body of a request may take to arrive: the time in which it is read counts, not that in which it has to wait. */

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
  /** For how many milliseconds each was read. */
  const arriving = new Map<IncomingMessage, number>();
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (req: IncomingMessage) => {
      if (isReceiving(req)) arriving.set(req, 0);
    });
  }
  const everyMs = Math.min(maxMs, checkMs);
  const check = (): void => {
    for (const [req, ms] of arriving) {
      if (req.complete || req.destroyed) arriving.delete(req);
      else if (req.isPaused() || req.socket.isPaused()) continue;
      else if (ms < maxMs) arriving.set(req, ms + everyMs);
      else if (arriving.delete(req)) onTimeout(req.socket);
    }
  };
  server.once("listening", () => {
    const timer = setInterval(check, everyMs).unref();
    server.once("close", () => clearInterval(timer));
  });
}
