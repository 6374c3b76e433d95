/** One request to the upstream and its response: dispatch, timeouts, the one retry, and what went wrong. */

import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { ProxyServer } from "http-proxy-3";
import type { Report } from "../core/report.ts";
import type { ProxyFault } from "../core/report/proxy.ts";
import { answerPlainly } from "../http/plain-answer.ts";
import { answerTo, clientGoneStatus, codeOf, faultOf, reportEnd, type Failure } from "./faults.ts";
import { bodyLength } from "../http/headers.ts";
import type { RequestFields } from "./hop-headers.ts";
import { relayResponse } from "./relay.ts";
import { RequestHook } from "./request-hook.ts";
import { uploadBody } from "./upload.ts";

export interface ExchangeOptions {
  /** With `selfHandleResponse`, `toProxy`, and an agent that keeps connections. */
  readonly engine: ProxyServer;
  /** As `toUpstreamFields` makes them. */
  readonly fields: RequestFields;
  /** Until the response head, while it is the upstream's turn; 0: no limit. */
  readonly responseTimeoutMs: number;
  /** Longest body of a request; 0: no limit. */
  readonly maxBodyBytes: number;
  readonly isDraining: () => boolean;
  readonly report: Report;
}

/** Answers `req` to the end, whatever happens; `req.url` goes upstream byte by byte. */
export function exchange(
  req: IncomingMessage,
  res: ServerResponse,
  options: ExchangeOptions,
): void {
  const { engine, fields, maxBodyBytes } = options;
  const method = req.method ?? "GET";
  const target = req.url ?? "/";
  const length = bodyLength(req.rawHeaders);
  const startedMs = performance.now();
  /** Nothing was sent to the client, and it is still there. */
  let isUnanswered = true;
  let failure: Failure | undefined;

  res.once("close", () => {
    isUnanswered = false;
    const isClientGone = !res.writableFinished && failure === undefined;
    reportEnd(options.report, {
      method,
      status: isClientGone ? clientGoneStatus : res.statusCode,
      durationMs: performance.now() - startedMs,
      failure,
    });
  });

  if (maxBodyBytes > 0 && length !== "chunked" && length > maxBodyBytes) return refuseBody();
  dispatch({ isRetry: false });

  function dispatch({ isRetry }: { isRetry: boolean }): void {
    let request: ClientRequest | undefined;
    const buffer = new RequestHook((made) => {
      request = made;
      start(made);
    });
    // The retry gets a connection of its own: the next one of the pool may be as stale as the first.
    const agent = isRetry ? { agent: false } : {};
    const { headers } = req;
    // The engine merges method and fields of `req` with ours, and adds `Content-Length: 0` to a chunked DELETE or
    // OPTIONS, whose body would then be read as the next request. So it finds nothing there to merge or mend.
    req.headers = {};
    req.method = "POST";
    try {
      engine.web(req, res, { ...agent, method, headers: fields, buffer }, (error) =>
        onError(error, request, isRetry),
      );
    } catch (error) {
      fail("not_sent", String(error));
    } finally {
      req.headers = headers;
      req.method = method;
    }
  }

  function start(request: ClientRequest): void {
    // The engine joins paths: a lone `?` at the end would be lost, and `*` be `/*`.
    request.path = target;
    const deadline = watchResponse(request);
    request.once("response", (proxyRes) => onResponse(request, proxyRes));
    // Nobody asked for another protocol.
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      fail("bad_response", "101 to a request without Upgrade");
    });
    if (length === 0) return void request.end();
    uploadBody(req, request, (receivedBytes) => {
      deadline?.refresh();
      if (maxBodyBytes === 0 || receivedBytes <= maxBodyBytes) return;
      request.destroy();
      if (isUnanswered) refuseBody();
      else res.destroy();
    });
  }

  function watchResponse(request: ClientRequest): NodeJS.Timeout | undefined {
    const { responseTimeoutMs } = options;
    if (responseTimeoutMs === 0) return undefined;
    const deadline = setTimeout(() => {
      // How long a client may take over its body is the server's business.
      const isClientsTurn = !request.writableEnded && !request.writableNeedDrain;
      if (isClientsTurn) return void deadline.refresh();
      fail("response_timeout", `no response within ${responseTimeoutMs} ms`);
      request.destroy();
    }, responseTimeoutMs);
    request.once("response", () => clearTimeout(deadline));
    request.once("close", () => clearTimeout(deadline));
    return deadline;
  }

  function onResponse(request: ClientRequest, proxyRes: IncomingMessage): void {
    if (!isUnanswered) return void request.destroy();
    const isRelayed = relayResponse(proxyRes, res, {
      closes: options.isDraining(),
      onCut: (error) => (failure = { fault: "response_cut", cause: error.message }),
    });
    if (isRelayed) {
      isUnanswered = false;
      return;
    }
    fail("bad_response", `status ${proxyRes.statusCode} can't be relayed`);
    request.destroy();
  }

  /** After the response has begun its relay hears of errors, after an answer of ours nobody needs to. */
  function onError(error: Error, request: ClientRequest | undefined, isRetry: boolean): void {
    if (!isUnanswered) return;
    const isStale = request?.reusedSocket === true && isReset(error);
    if (isStale && !isRetry && length === 0 && repeatable.has(method)) {
      return dispatch({ isRetry: true });
    }
    fail(faultOf(error), error.message);
  }

  function fail(fault: ProxyFault, cause: string): void {
    if (!isUnanswered) return;
    isUnanswered = false;
    failure = { fault, cause };
    answerPlainly(req, res, answerTo[fault]);
  }

  function refuseBody(): void {
    isUnanswered = false;
    const text = `Content Too Large: the limit is ${maxBodyBytes} bytes.\n`;
    answerPlainly(req, res, { status: 413, text });
  }
}

/** RFC 9110 §9.2.1: safe, so that it does no harm if the upstream got it twice. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** The upstream closed a kept connection while the request was on its way (RFC 9112 §9.3.1). */
function isReset(error: Error): boolean {
  const code = codeOf(error);
  return code === "ECONNRESET" || code === "EPIPE";
}
