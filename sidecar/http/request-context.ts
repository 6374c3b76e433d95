/** One request or handshake at the front door: its id, and what its line in the access log will say. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { redactFields } from "../core/redact.ts";
import type { SidecarEvent } from "../core/report.ts";
import type { Span } from "../core/trace.ts";
import { clientGoneStatus, loggedPath, type AccessLog, type Answered } from "./access-log.ts";
import { toAnswer, type ErrorPage } from "./error-page.ts";
import { answerPlainly, answerSocketPlainly, type PlainAnswer } from "./plain-answer.ts";

/** The name of the field that carries the id, to the app and to the client. */
export const requestIdField = "X-Request-Id";

export class RequestContext implements Answered {
  readonly req: IncomingMessage;
  readonly id: string;
  readonly startedMs = performance.now();
  traceId: string | null = null;
  readonly #log: AccessLog;
  readonly #bytesBefore: number;
  #firstByteMs: number | null = null;
  #isForwarded = false;
  #isRelayed = false;
  #isLogged = false;
  #span: Span<"proxy"> | null = null;

  /** @param id of a proxy in front that is trusted, or made. */
  constructor(req: IncomingMessage, id: string, log: AccessLog) {
    this.req = req;
    this.id = id;
    this.#log = log;
    this.#bytesBefore = req.socket.bytesWritten;
  }

  get isForwarded(): boolean {
    return this.#isForwarded;
  }

  get isRelayed(): boolean {
    return this.#isRelayed;
  }

  get firstByteMs(): number | null {
    return this.#firstByteMs;
  }

  get sentBytes(): number {
    return this.req.socket.bytesWritten - this.#bytesBefore;
  }

  /** It is traced as this, which ends with it. */
  trace(span: Span<"proxy">): void {
    this.#span = span;
    this.traceOf(span);
  }

  /** It is traced by somebody else as this. */
  traceOf({ context }: Span): void {
    if (context.isSampled) this.traceId = context.traceId;
  }

  /** It is sent to the app. */
  forward(): void {
    this.#isForwarded = true;
  }

  /** The head of the app's answer goes to the client. */
  relay(): void {
    this.#isRelayed = true;
    this.#firstByteMs = performance.now();
  }

  /** Answers as the sidecar itself. */
  answer(res: ServerResponse, answer: PlainAnswer): void {
    this.answering(res, answer.status);
    answerPlainly(this.req, res, this.#withId(answer));
  }

  /** Answers a handshake as the sidecar itself, and ends its connection. */
  refuse(socket: Duplex, answer: PlainAnswer): void {
    this.#firstByteMs = performance.now();
    answerSocketPlainly(socket, this.#withId(answer));
    this.finish(answer.status);
  }

  /** As the client would rather have it. */
  show(page: ErrorPage): PlainAnswer {
    return toAnswer(page, this.req, this.id);
  }

  /** The sidecar itself begins to answer with this status; the line is written once the answer is out. */
  answering(res: ServerResponse, status: number): void {
    this.#firstByteMs = performance.now();
    if (this.#span === null && this.#log.levelOf(status, this) === null) return;
    res.once("close", () => this.finish(res.writableFinished ? status : clientGoneStatus));
  }

  /** All of the answer is out; of several calls the first one counts. @param status as sent, or `clientGoneStatus`. */
  finish(status: number): void {
    if (this.#isLogged) return;
    this.#isLogged = true;
    this.#log.write(this, status);
    const { method = "", url = "" } = this.req;
    this.#span?.end({ method, path: loggedPath(url), status });
  }

  /** For `trace`: what was asked. */
  describe(): SidecarEvent<"request_received"> {
    const { method = "", url = "", rawHeaders } = this.req;
    const fields = redactFields(rawHeaders);
    return { kind: "request_received", id: this.id, method, path: loggedPath(url), fields };
  }

  #withId(answer: PlainAnswer): PlainAnswer {
    return { ...answer, headers: { ...answer.headers, [requestIdField]: this.id } };
  }
}
