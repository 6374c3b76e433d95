/** Reads the body of a message within limits, in whatever pieces it comes. */

import type { IncomingMessage } from "node:http";
import { bodyOf, Reading } from "./read-turns.ts";
import type { Timers } from "./timers.ts";

export type Body =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too_long" }
  /** Not all of it came within the deadline. */
  | { readonly kind: "too_slow" }
  /** `accept` said no. */
  | { readonly kind: "refused" }
  /** The sender went away. */
  | { readonly kind: "cut" };

export interface BodyLimits {
  readonly maxBytes: number;
  /** From now to the last byte; null: the caller has a deadline of its own. */
  readonly deadline: { readonly afterMs: number; readonly timers: Timers } | null;
  /** Called with the cost in memory of each piece, before it is kept; false ends the reading. */
  readonly accept?: (costBytes: number) => boolean;
}

/** What a piece costs beside its bytes: a body of one-byte chunks would otherwise cost a hundred times what is counted. */
const pieceCostBytes = 256;

/** Resolves as soon as the outcome is known, and never rejects. Unless `whole`, what is still to come is left unread. */
export function readBody(message: IncomingMessage, limits: BodyLimits): Promise<Body> {
  return new Promise((resolve) => collectBody(message, limits, resolve));
}

/** As `readBody`, without a promise: calls back once, after it has returned. */
export function collectBody(
  message: IncomingMessage,
  limits: BodyLimits,
  done: (body: Body) => void,
): void {
  const { maxBytes, deadline, accept } = limits;
  const pieces: Buffer[] = [];
  let length = 0;
  let isOver = false;
  const reading = new Reading(bodyOf(message));

  const cancelDeadline = deadline?.timers.setTimeout(
    () => finish({ kind: "too_slow" }),
    deadline.afterMs,
  );
  message.on("data", (piece: Buffer) => {
    if (isOver) return;
    reading.took(piece);
    length += piece.length;
    if (length > maxBytes) return finish({ kind: "too_long" });
    if (accept && !accept(piece.length + pieceCostBytes)) return finish({ kind: "refused" });
    pieces.push(piece);
  });
  message.on("end", () => {
    const [first] = pieces;
    const bytes = first && pieces.length === 1 ? first : Buffer.concat(pieces, length);
    finish({ kind: "whole", bytes });
  });
  message.on("close", () => finish({ kind: "cut" }));
  message.on("error", () => finish({ kind: "cut" }));

  function finish(body: Body): void {
    if (isOver) return;
    isOver = true;
    cancelDeadline?.();
    reading.stop();
    if (body.kind !== "whole") {
      message.pause();
      pieces.length = 0;
    }
    done(body);
  }
}
