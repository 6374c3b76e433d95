/**
 * Reads bodies a piece at a time, and few of them per turn of the event loop: left alone, Node reads up to 2 MiB of one
 * connection before anybody else has a turn.
 */

import type { Readable } from "node:stream";

/** So many go on in a turn, each with some 128 KiB. */
const streamsPerTurn = 8;

/** What has a stream go on, for each that is to; the one first that has waited longest. */
const waiting: (() => void)[] = [];

/** Nothing more comes from `stream` in this turn. @param goesOn Asked before it goes on. */
export function pauseForTurn(stream: Readable, goesOn: () => boolean = () => true): void {
  stream.pause();
  goOnInTurn(() => {
    if (goesOn()) stream.resume();
  });
}

/** Calls `resume`, which has a paused stream go on, on a later turn. */
export function goOnInTurn(resume: () => void): void {
  waiting.push(resume);
  if (waiting.length === 1) setImmediate(resumeNext);
}

function resumeNext(): void {
  for (const resume of waiting.splice(0, streamsPerTurn)) resume();
  if (waiting.length > 0) setImmediate(resumeNext);
}
