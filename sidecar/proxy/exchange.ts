/** One request to the app and its answer: its wait for the app, its turn, the limits, the one repetition, and what went wrong. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Report } from "../core/report.ts";
import { bodyLength } from "../http/headers.ts";
import { Reading } from "../http/read-turns.ts";
import type { RequestContext } from "../http/request-context.ts";
import type { ProxyRefusal } from "../core/report/proxy.ts";
import type { Turn } from "./admission.ts";
import { Attempt } from "./attempt.ts";
import { bodyTooLong, notConnected, refusalPages } from "./faults.ts";
import type { Call, RequestMessage, ResponseHandler } from "./http1/call.ts";
import type { ResponseHead } from "./http1/response-head.ts";
import type { UpstreamError } from "./http1/upstream-error.ts";
import { flushHead, relayHead } from "./relay.ts";
import { isRepeatable, lostPausesMs } from "./repeatable.ts";
import type { Stages } from "./stages.ts";
import { Upload } from "./upload.ts";
import type { Guest } from "./waiting-entry.ts";
import type { Ticket } from "./waiting-room.ts";

export interface ExchangeOptions {
  /** As `visitorOf` gives it. */
  readonly visitor: string;
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
  /** How long a request waits for an app that is away; 0: not at all. */
  readonly awayWaitMs: number;
  readonly isDraining: () => boolean;
  readonly report: Report;
}

/** Answers a request to the end, whatever happens; its `url` goes to the app byte by byte. */
export class Exchange implements Guest, Turn, ResponseHandler {
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
  #stages: Stages | null = null;
  #ticket: Ticket | null = null;
  #isTrial = false;
  #giveBack: () => void = () => {};
  /** Why the call failed that is about to be released. */
  #failure: UpstreamError | null = null;
  /** How often the app ended a connection with it before a byte of an answer. */
  #losses = 0;
  #asksAgain: NodeJS.Timeout | undefined;
  /** Of the app's answer; blocked while the client does not read as fast as the app sends. */
  readonly #reading: Reading;

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
    const answer = { pause: () => this.#call?.pause(), resume: () => this.#call?.resume() };
    this.#reading = new Reading(answer, options.visitor);
    this.#attempt = new Attempt({
      context,
      report: options.report,
      answer(page) {
        if (options.isDraining()) res.shouldKeepAlive = false;
        context.answer(res, context.show(page));
      },
    });
    res.once("close", () => this.#onClientDone());
  }

  run(stages: Stages): void {
    this.#stages = stages;
    const { maxBodyBytes } = this.#options;
    const length = bodyLength(this.#req.rawHeaders);
    const isTooLong = maxBodyBytes > 0 && length !== "chunked" && length > maxBodyBytes;
    if (isTooLong) return this.#refuseBody();
    if (this.#message.body === "none") this.#enter();
    else this.#upload = this.#createUpload(() => this.#enter());
  }

  #enter(): void {
    if (this.#stages) this.#ticket = this.#stages.enter(this);
  }

  go(isTrial: boolean): void {
    this.#isTrial = isTrial;
    const precedence = isTrial ? "trial" : this.#ticket ? "waited" : "none";
    if (this.#stages) this.#giveBack = this.#stages.admit(this, precedence);
  }

  start(): void {
    // A kept connection may have lost the app: it would prove nothing, and be lost once more.
    this.#send(this.#isTrial || this.#losses > 0);
  }

  refuse(reason: ProxyRefusal): void {
    this.#ticket?.leave();
    this.#upload?.stop();
    this.#attempt.refuse(refusalPages[reason]);
    this.#options.report({ kind: "proxy_refused", reason });
  }

  #send(isFresh: boolean): void {
    const { send, responseTimeoutMs } = this.#options;
    this.#callsToRelease += 1;
    this.#context.forward();
    const call = send(this.#message, this, { isFresh });
    this.#call = call;
    // How long a client may take over its body is the server's business.
    this.#attempt.limit(
      responseTimeoutMs,
      () => !call.hasHead && this.#upload?.isClientsTurn !== true,
      () => this.#abandon(),
    );
    if (call.isConnected) this.#upload?.begin(call);
  }

  onConnect(): void {
    this.#ticket?.connected();
    if (this.#call) this.#upload?.begin(this.#call);
  }

  #createUpload(onFirst: () => void): Upload {
    const { maxBodyBytes, visitor } = this.#options;
    return new Upload({
      req: this.#req,
      visitor,
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
    const closes = this.#options.isDraining();
    if (!relayHead(head, this.#res, { closes, requestId: this.#context.id })) {
      this.#fail("bad_response", `unreadable answer: status ${head.status} can't be relayed`);
      return this.#abandon();
    }
    this.#attempt.relay();
    if (isAlone) flushHead(this.#res);
  }

  onData(chunk: Buffer): void {
    this.#reading.took(chunk);
    if (this.#res.write(chunk) || this.#reading.isBlocked) return;
    this.#reading.block();
    this.#res.once("drain", () => this.#reading.unblock());
  }

  onEnd(last: Buffer | null): void {
    this.#upload?.stop();
    this.#res.end(last);
  }

  onDrain(): void {
    this.#upload?.resume();
  }

  onError(error: UpstreamError, isStale: boolean): void {
    if (!this.#attempt.isWaiting) return this.#end(error);
    // Fresh: the next one of the kept connections may be as stale.
    if (isStale && isRepeatable(this.#message)) {
      this.#losses += 1;
      return this.#send(true);
    }
    this.#attempt.unlimit();
    this.#failure = error;
  }

  onReleased(): void {
    this.#callsToRelease -= 1;
    if (this.#callsToRelease > 0) return;
    this.#giveBack();
    const failure = this.#failure;
    this.#failure = null;
    if (failure && this.#attempt.isWaiting && !this.#isTriedAgain(failure)) this.#end(failure);
  }

  #isTriedAgain({ fault, message }: UpstreamError): boolean {
    if (notConnected.has(fault)) return this.#ticket?.failed(message) ?? false;
    const pauseMs = this.#options.awayWaitMs > 0 ? lostPausesMs[this.#losses] : undefined;
    const mayRepeat = fault === "no_response" && isRepeatable(this.#message);
    if (!mayRepeat || pauseMs === undefined) return false;
    this.#losses += 1;
    this.#asksAgain = setTimeout(() => this.#enter(), pauseMs);
    return true;
  }

  #end({ fault, message }: UpstreamError): void {
    this.#upload?.stop();
    this.#fail(fault, message);
  }

  #fail(...[fault, cause]: Parameters<Attempt["fail"]>): void {
    const isAnswered = !this.#attempt.isWaiting;
    this.#attempt.fail(fault, cause);
    // So that the client does not take it for whole.
    if (isAnswered) this.#res.destroy();
  }

  #refuseBody(): void {
    this.#attempt.refuse(bodyTooLong(this.#options.maxBodyBytes));
  }

  #abandon(): void {
    this.#upload?.stop();
    this.#call?.destroy();
  }

  #onClientDone(): void {
    this.#reading.stop();
    this.#attempt.end(this.#res.statusCode, { isComplete: this.#res.writableFinished });
    clearTimeout(this.#asksAgain);
    this.#ticket?.leave();
    this.#upload?.stop();
    this.#call?.destroy();
    if (this.#callsToRelease === 0) this.#giveBack();
  }
}
