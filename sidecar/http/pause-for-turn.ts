/** Reads a piece in a turn of the event loop: Node reads up to 2 MiB of one connection before anybody else has a turn. */

import type { Readable } from "node:stream";

/** Nothing more comes from `stream` in this turn. @param goesOn Asked before it goes on. */
export function pauseForTurn(stream: Readable, goesOn: () => boolean = () => true): void {
  stream.pause();
  setImmediate(() => {
    if (goesOn()) stream.resume();
  });
}
