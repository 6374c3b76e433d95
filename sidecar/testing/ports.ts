/** For tests: finds TCP ports for servers that have to be told their port before they start. */

import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/**
 * A port of 127.0.0.1 that nobody listens on. It is drawn from below the range that the kernel
 * gives to outgoing connections, so that no client of another test takes it before it is used;
 * and no other process of tests is given it as long as this one runs.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20_000, 32_000);
    if (claim(port) && (await canListen(port))) return port;
  }
  throw new Error("no free port between 20000 and 32000 in 50 tries");
}

/** A file for each port that was given out, with the process that has it. */
const claimsFolder = join(tmpdir(), `pogo-test-ports-${userInfo().uid}`);
const claimed = new Set<string>();

/** @returns false: it was given out already, here or by a process that still runs. */
function claim(port: number): boolean {
  const file = join(claimsFolder, String(port));
  if (claimed.has(file)) return false;
  mkdirSync(claimsFolder, { recursive: true });
  try {
    if (isLeft(file)) rmSync(file, { force: true });
    writeFileSync(file, String(process.pid), { flag: "wx" });
  } catch {
    return false;
  }
  if (claimed.size === 0) process.once("exit", giveBack);
  claimed.add(file);
  return true;
}

/** By a process that is gone. */
function isLeft(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

function giveBack(): void {
  for (const file of claimed) rmSync(file, { force: true });
}

/**
 * Starts something on a free port, and on another where somebody else took that one
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
