/** One HTTP request and its whole answer, bounded in time and bytes. */

import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { toRequestOptions, type UpstreamAddress } from "../../http/upstream-address.ts";
import { showDuration } from "../../core/duration.ts";
import { errorCode } from "../../http/error-code.ts";

const deadlineMs = 5_000;
const maxBytes = 65_536;

export type Answer =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** Its beginning, where it is longer than 64 KiB. */
      readonly text: string;
    }
  /** `why` in words: `no answer within 5s`; `isRefused`: nothing listens there. */
  | { readonly ok: false; readonly why: string; readonly isRefused: boolean };

export interface Question {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function askUrl(url: URL, question: Question = {}): Promise<Answer> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const { hostname, port, pathname, search } = url;
  const host = hostname.replace(/^\[|\]$/g, "");
  return ask(send, { host, ...(port !== "" && { port }), path: pathname + search }, question);
}

export function askUpstream(address: UpstreamAddress, path: string, question: Question = {}) {
  return ask(httpRequest, { ...toRequestOptions(address), path }, question);
}

function ask(
  send: typeof httpRequest,
  target: RequestOptions,
  { method = "GET", headers = {}, body = "" }: Question,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const signal = AbortSignal.timeout(deadlineMs);
  const bytes = Buffer.from(body);
  const length = method === "POST" ? { "Content-Length": bytes.length } : {};
  const options = { ...target, method, headers: { ...headers, ...length }, signal, agent: false };
  const fail = (error: Error): void =>
    resolve({
      ok: false,
      why: signal.aborted ? `no answer within ${showDuration(deadlineMs)}` : explainError(error),
      isRefused: errorCode(error) === "ECONNREFUSED",
    });
  const request = send(options, (response) => {
    let text = "";
    const { statusCode: status = 0, headers } = response;
    const finish = (): void => resolve({ ok: true, status, headers, text });
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > maxBytes) finish();
    });
    response.on("end", finish);
    response.on("error", fail);
  });
  request.on("error", fail);
  request.end(bytes);
  return promise.finally(() => request.destroy());
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused: nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the name could not be looked up",
  ECONNRESET: "the connection was reset",
  ENOENT: "there is no such socket",
  EACCES: "this user may not connect to the socket",
  EHOSTUNREACH: "the host can't be reached",
  CERT_HAS_EXPIRED: "its certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  EPROTO: "it does not speak TLS there",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate can't be verified",
};

/** Why there was no connection, or no answer over it. */
export function explainError(error: unknown): string {
  const code = errorCode(error) ?? "";
  // Of several addresses that were tried (happy eyeballs), each with an error of its own.
  return (
    words[code] ?? (code || (error instanceof Error && error.message) || "no reason was given")
  );
}
