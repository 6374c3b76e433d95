/** One request to the app and its answer: its turn, the limits, the one repetition, and what went wrong. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Report } from "../core/report.ts";
import { bodyLength } from "../http/headers.ts";
import { answerPlainly } from "../http/plain-answer.ts";
import type { AdmissionRefusal, Turn } from "./admission.ts";
import { Attempt } from "./attempt.ts";
import { busy } from "./faults.ts";
import type { Call, RequestMessage, ResponseHandler } from "./http1/call.ts";
import type { ResponseHead } from "./http1/response-head.ts";
import type { UpstreamError } from "./http1/upstream-error.ts";
import { flushHead, relayHead } from "./relay.ts";
import { Upload } from "./upload.ts";

export interface ExchangeOptions {
  /** Sends a request, on a kept connection or on one of its own. */
  readonly send: (
    message: RequestMessage,
    handler: ResponseHandler,
    options: { isFresh: boolean },
  ) => Call;
  /** Gives the request its turn; the function that it returns gives it back. */
  readonly admit: (turn: Turn) => () => void;
  /** As `toUpstreamFields` makes them. */
  readonly fields: readonly string[];
  /** Until the head of the answer, while it is the app's turn; 0: no limit. */
  readonly responseTimeoutMs: number;
  /** Longest body of a request; 0: no limit. */
  readonly maxBodyBytes: number;
  readonly isDraining: () => boolean;
  readonly report: Report;
}

/** Answers `req` to the end, whatever happens; `req.url` goes to the app byte by byte. */
export function exchange(
  req: IncomingMessage,
  res: ServerResponse,
  options: ExchangeOptions,
): void {
  const { fields, maxBodyBytes, responseTimeoutMs, report } = options;
  const { method = "GET", url: target = "/" } = req;
  const length = bodyLength(req.rawHeaders);
  const body = length === "chunked" ? "chunked" : length === 0 ? "none" : "length";
  const attempt = new Attempt({
    method,
    report,
    answer: (answer) => answerPlainly(req, res, answer),
  });
  let call: Call | null = null;
  let upload: Upload | null = null;
  let giveBack = (): void => {};

  res.once("close", () => {
    attempt.end(res.statusCode, { isComplete: res.writableFinished });
    if (call) call.destroy();
    else giveBack();
  });
  if (maxBodyBytes > 0 && length !== "chunked" && length > maxBodyBytes) return refuseBody();
  giveBack = options.admit({ start: () => send({ isFresh: false }), refuse });

  function refuse(reason: AdmissionRefusal): void {
    attempt.refuse(busy);
    report({ kind: "proxy_refused", reason });
  }

  function send({ isFresh }: { isFresh: boolean }): void {
    const current = options.send(
      { method, target, fields, body },
      {
        onHead,
        onData(chunk) {
          if (!res.write(chunk)) current.pause();
        },
        onEnd(last) {
          upload?.stop();
          res.end(last);
        },
        onDrain: () => upload?.resume(),
        onError: (error, isStale) => onError(error, isStale && !isFresh),
        onReleased() {
          // The repetition has a turn of its predecessor.
          if (call === current) giveBack();
        },
      },
      { isFresh },
    );
    call = current;
    // How long a client may take over its body is the server's business.
    attempt.limit(
      responseTimeoutMs,
      () => upload?.isClientsTurn !== true,
      () => current.destroy(),
    );
    if (body !== "none") upload = startUpload(current);
  }

  function startUpload(to: Call): Upload {
    return new Upload(req, to, (receivedBytes) => {
      attempt.refreshLimit();
      if (maxBodyBytes === 0 || receivedBytes <= maxBodyBytes) return;
      to.destroy();
      upload?.stop();
      if (attempt.isWaiting) refuseBody();
      else res.destroy();
    });
  }

  function onHead(head: ResponseHead, isAlone: boolean): void {
    if (!attempt.isWaiting) return call?.destroy();
    if (!relayHead(head, res, { closes: options.isDraining() })) {
      attempt.fail("bad_response", `unreadable answer: status ${head.status} can't be relayed`);
      return call?.destroy();
    }
    attempt.relay();
    res.on("drain", () => call?.resume());
    if (isAlone) flushHead(res);
  }

  function onError(error: UpstreamError, mayRepeat: boolean): void {
    if (attempt.isWaiting && mayRepeat && body === "none" && repeatable.has(method)) {
      // The next one of the kept connections may be as stale as the first.
      return send({ isFresh: true });
    }
    upload?.stop();
    const isAnswered = !attempt.isWaiting;
    attempt.fail(error.fault, error.message);
    // So that the client does not take it for whole.
    if (isAnswered) res.destroy();
  }

  function refuseBody(): void {
    attempt.refuse({
      status: 413,
      text: `Content Too Large: the limit is ${maxBodyBytes} bytes.\n`,
    });
  }
}

/** RFC 9110 §9.2.1: safe, so that it does no harm if the app got it twice. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
