/** One request to the app and its answer: its turn, the limits, the one repetition, and what went wrong. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Report } from "../core/report.ts";
import { bodyLength } from "../http/headers.ts";
import type { RequestContext } from "../http/request-context.ts";
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
  /** Until the head of the answer, while it is the app's turn; 0: no limit. */
  readonly responseTimeoutMs: number;
  /** Longest body of a request; 0: no limit. */
  readonly maxBodyBytes: number;
  readonly isDraining: () => boolean;
  readonly report: Report;
}

/** Answers a request to the end, whatever happens; its `url` goes to the app byte by byte. */
export class Exchange implements Turn, ResponseHandler {
  readonly #context: RequestContext;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #options: ExchangeOptions;
  readonly #message: RequestMessage;
  readonly #attempt: Attempt;
  #call: Call | null = null;
  /** The repetition has the turn of its predecessor, whose connection is given up after it began. */
  #callsToRelease = 0;
  #upload: Upload | null = null;
  #giveBack: () => void = () => {};
  /** The client does not read as fast as the app sends. */
  #isPaused = false;

  /** @param fields as `toUpstreamFields` makes them. */
  constructor(
    context: RequestContext,
    res: ServerResponse,
    fields: readonly string[],
    options: ExchangeOptions,
  ) {
    const { req } = context;
    this.#context = context;
    this.#req = req;
    this.#res = res;
    this.#options = options;
    const { method = "GET", url: target = "/" } = req;
    const length = bodyLength(req.rawHeaders);
    const body = length === "chunked" ? "chunked" : length === 0 ? "none" : "length";
    this.#message = { method, target, fields, body };
    this.#attempt = new Attempt({
      context,
      report: options.report,
      answer: (page) => context.answer(res, context.show(page)),
    });
    res.once("close", () => this.#onClientDone());
  }

  /** @param admit gives it its turn; the function that it returns gives that back. */
  run(admit: (turn: Turn) => () => void): void {
    const { maxBodyBytes } = this.#options;
    const length = bodyLength(this.#req.rawHeaders);
    const isTooLong = maxBodyBytes > 0 && length !== "chunked" && length > maxBodyBytes;
    if (isTooLong) return this.#refuseBody();
    const ask = (): void => void (this.#giveBack = admit(this));
    if (this.#message.body === "none") ask();
    else this.#upload = this.#createUpload(ask);
  }

  start(): void {
    this.#send(false);
  }

  refuse(reason: AdmissionRefusal): void {
    this.#upload?.stop();
    this.#attempt.refuse(busy);
    this.#options.report({ kind: "proxy_refused", reason });
  }

  #send(isFresh: boolean): void {
    const { send, responseTimeoutMs } = this.#options;
    this.#callsToRelease += 1;
    this.#context.forward();
    this.#call = send(this.#message, this, { isFresh });
    // How long a client may take over its body is the server's business.
    this.#attempt.limit(
      responseTimeoutMs,
      () => this.#upload?.isClientsTurn !== true,
      () => this.#abandon(),
    );
    this.#upload?.begin(this.#call);
  }

  #createUpload(onFirst: () => void): Upload {
    const { maxBodyBytes } = this.#options;
    return new Upload({
      req: this.#req,
      onFirst,
      onChunk: (receivedBytes) => {
        this.#attempt.refreshLimit();
        if (maxBodyBytes === 0 || receivedBytes <= maxBodyBytes) return;
        this.#abandon();
        if (this.#attempt.isWaiting) this.#refuseBody();
        else this.#res.destroy();
      },
    });
  }

  onHead(head: ResponseHead, isAlone: boolean): void {
    if (!this.#attempt.isWaiting) return this.#abandon();
    if (
      !relayHead(head, this.#res, {
        closes: this.#options.isDraining(),
        requestId: this.#context.id,
      })
    ) {
      this.#fail("bad_response", `unreadable answer: status ${head.status} can't be relayed`);
      return this.#abandon();
    }
    this.#attempt.relay();
    if (isAlone) flushHead(this.#res);
  }

  onData(chunk: Buffer): void {
    if (this.#res.write(chunk) || this.#isPaused) return;
    this.#isPaused = true;
    this.#call?.pause();
    this.#res.once("drain", () => {
      this.#isPaused = false;
      this.#call?.resume();
    });
  }

  onEnd(last: Buffer | null): void {
    this.#upload?.stop();
    this.#res.end(last);
  }

  onDrain(): void {
    this.#upload?.resume();
  }

  onError(error: UpstreamError, isStale: boolean): void {
    const { method, body } = this.#message;
    const mayRepeat = isStale && body === "none" && repeatable.has(method);
    // Fresh: the next one of the kept connections may be as stale, and of a fresh one nothing is repeated.
    if (mayRepeat && this.#attempt.isWaiting) return this.#send(true);
    this.#upload?.stop();
    this.#fail(error.fault, error.message);
  }

  onReleased(): void {
    this.#callsToRelease -= 1;
    if (this.#callsToRelease === 0) this.#giveBack();
  }

  #fail(...[fault, cause]: Parameters<Attempt["fail"]>): void {
    const isAnswered = !this.#attempt.isWaiting;
    this.#attempt.fail(fault, cause);
    // So that the client does not take it for whole.
    if (isAnswered) this.#res.destroy();
  }

  #refuseBody(): void {
    const { maxBodyBytes } = this.#options;
    this.#attempt.refuse({
      status: 413,
      title: "the request's body is too long",
      text: `The limit is ${maxBodyBytes} bytes.`,
    });
  }

  #abandon(): void {
    this.#upload?.stop();
    this.#call?.destroy();
  }

  #onClientDone(): void {
    this.#attempt.end(this.#res.statusCode, { isComplete: this.#res.writableFinished });
    this.#upload?.stop();
    if (this.#call) this.#call.destroy();
    else this.#giveBack();
  }
}

/** RFC 9110 §9.2.1: safe, so that it does no harm if the app got it twice. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
