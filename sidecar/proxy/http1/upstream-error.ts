/** An error on the way to the app whose fault is known where it is found. */

import type { ProxyFault } from "../../core/report/proxy.ts";

export class UpstreamError extends Error {
  readonly fault: ProxyFault;
  /** Node's, of an error of the socket; `ECONNRESET` also for a connection that ended too early. */
  readonly code: string;

  /** @param message in words, for the log: names addresses and what was wrong, never what was in a body or a field. */
  constructor(fault: ProxyFault, message: string, code = "") {
    super(message);
    this.fault = fault;
    this.code = code;
  }
}

/** An answer that RFC 9112 does not allow, or that two parsers might read in two ways. */
export function unreadable(why: string): UpstreamError {
  return new UpstreamError("bad_response", `unreadable answer: ${why}`);
}
