/** For tests: finds TCP ports for servers that have to be told their port before they start. */

import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that nobody listens on. It is drawn from below the range that the kernel
 * gives to outgoing connections, so that no client of another test takes it before it is used.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20_000, 32_000);
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) return port;
  }
  throw new Error("no free port between 20000 and 32000 in 50 tries");
}

/** What this process has been given already: it may not listen there yet. */
const given = new Set<number>();

/**
 * Starts something on a free port, and on another where a test of another process took that one
 * in between: `start` has to reject with "address already in use" then, as Node and Redis do.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 5 || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

function canListen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
