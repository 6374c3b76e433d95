/** Which requests may reach the app twice. */

import type { RequestMessage } from "./http1/call.ts";

/** RFC 9110 §9.2.1: safe, so that it does no harm if the app got it twice; without a body, which was read by then. */
export function isRepeatable({ method, body }: RequestMessage): boolean {
  return body === "none" && safeMethods.has(method);
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** After that time a process that was ended while it worked on a request does not listen any more either. */
export const lostPauseMs = 250;
