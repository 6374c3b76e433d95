/** Which requests may reach the app twice. */

interface Message {
  readonly method: string;
  readonly body: "none" | "length" | "chunked";
}

/** RFC 9110 §9.2.1: safe, so that it does no harm if the app got it twice; without a body, which was read by then. */
export function isRepeatable({ method, body }: Message): boolean {
  return body === "none" && safeMethods.has(method);
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Before each repetition of a request that was lost with the process that worked on it: after that time the process does
 * not listen any more either. Twice, for a server with workers may end one after the other.
 */
export const lostPausesMs: readonly number[] = [250, 500];
