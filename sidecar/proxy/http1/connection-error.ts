/** Socket errors as faults, in words that tell an operator what to look at. */

import type { ProxyFault } from "../../core/report/proxy.ts";
import type { UpstreamAddress } from "../../http/upstream-address.ts";
import { UpstreamError } from "./upstream-error.ts";
import { errorCode } from "../../http/error-code.ts";

/** @param isConnected whether there had been a connection. */
export function toUpstreamError(
  error: Error,
  { isConnected, address }: { isConnected: boolean; address: UpstreamAddress },
): UpstreamError {
  const code = codeOf(error);
  const where = address.kind === "unix" ? address.socketPath : `${address.host}:${address.port}`;
  const words = (isConnected ? connectedWords : connectingWords)[code];
  const fault = faultOf(code, isConnected);
  const text = words === undefined ? error.message || "the connection failed" : words(where);
  return new UpstreamError(fault, code === "" ? text : `${text} (${code})`, code);
}

/** Of several attempts (a name with more than one address) the first has it; the error of them all has no text. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return errorCode(error) ?? "";
}

function faultOf(code: string, isConnected: boolean): ProxyFault {
  if (isConnected) return "no_response";
  return code === "ETIMEDOUT" ? "connect_timeout" : "connect_failed";
}

type Words = Readonly<Record<string, (where: string) => string>>;

const connectingWords: Words = {
  EACCES: (where) => `${where} may not be opened`,
  EAI_AGAIN: (where) => `the name in ${where} can't be looked up now`,
  EADDRNOTAVAIL: (where) => `no local port is left for a connection to ${where}`,
  ECONNREFUSED: (where) => `connection refused: nobody listens at ${where}`,
  ECONNRESET: (where) => `connection to ${where} reset while it was made`,
  EHOSTUNREACH: (where) => `no route to ${where}`,
  EMFILE: () => "this process may not open more files",
  ENETUNREACH: (where) => `no route to ${where}`,
  ENOENT: (where) => `no such socket: ${where}`,
  ENOTFOUND: (where) => `no such name: ${where}`,
  ENOTSOCK: (where) => `${where} is no socket`,
  ETIMEDOUT: (where) => `connecting to ${where} timed out`,
};

const connectedWords: Words = {
  ECONNRESET: () => "connection reset before the answer",
  EPIPE: () => "connection closed while the request was sent",
  ETIMEDOUT: () => "connection timed out",
};
