/** Kept connections that the other side may have closed meanwhile: how to avoid them, and when to try again. */

/** Below the idle timeouts of common servers (Node and Apache 5 s, nginx 75 s), so that we close a connection before they do. */
export const keptIdleMs = 4_000;

/**
 * Whether a request only met a kept connection that the other side had closed meanwhile (RFC 9112 §9.3.1): so it is if
 * not one byte of an answer came. Then it may be sent again, once and on a connection of its own, if it does no harm
 * that it may be read twice.
 */
export function isStale(attempt: {
  /** The connection had carried a request before. */
  readonly isReused: boolean;
  /** A byte of the answer came. */
  readonly isAnswered: boolean;
  /** Node's code of the error; that of a connection that ended is `ECONNRESET`. */
  readonly code: string;
}): boolean {
  const { isReused, isAnswered, code } = attempt;
  return isReused && !isAnswered && (code === "ECONNRESET" || code === "EPIPE");
}
