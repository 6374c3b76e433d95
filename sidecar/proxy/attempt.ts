/** The state of one request or handshake on its way to the app: waiting for the answer, relaying it, ended. */

import { showDuration } from "../core/duration.ts";
import type { ProxyFault } from "../core/report/proxy.ts";
import type { Report } from "../core/report.ts";
import { clientGoneStatus, loggedPath } from "../http/access-log.ts";
import type { ErrorPage } from "../http/error-page.ts";
import type { RequestContext } from "../http/request-context.ts";
import { answerTo } from "./faults.ts";

export interface AttemptOptions {
  readonly context: RequestContext;
  /** Answers the client, to whom nothing was sent so far. */
  readonly answer: (page: ErrorPage) => void;
  readonly report: Report;
}

type State =
  /** Nothing was sent to the client, and it is still there. */
  | "waiting"
  /** The client has an answer, the app's or one of the sidecar, or a part of it. */
  | "answered"
  | "ended";

export class Attempt {
  readonly #options: AttemptOptions;
  #state: State = "waiting";
  #failure: { readonly fault: ProxyFault; readonly cause: string } | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  get isWaiting(): boolean {
    return this.#state === "waiting";
  }

  /** The app's answer goes to the client from now on. */
  relay(): void {
    this.#options.context.relay();
    this.#answered();
  }

  /** The sidecar answers by itself, and it is nobody's failure. */
  refuse(page: ErrorPage): void {
    if (!this.isWaiting) return;
    this.#answered();
    this.#options.answer(page);
  }

  /** Answers the client, if it still waits; else the caller breaks off what it gets. @param cause in words, for the log. */
  fail(fault: ProxyFault, cause: string): void {
    if (this.#state === "ended") return;
    const isWaiting = this.isWaiting;
    this.#failure ??= { fault: isWaiting ? fault : "response_cut", cause };
    this.#answered();
    if (isWaiting) this.#options.answer(answerTo[fault]);
  }

  /**
   * Fails if the client still waits after this.
   *
   * @param isAppsTurn false: it starts anew.
   */
  limit(ms: number, isAppsTurn: () => boolean, onTimeout: () => void): void {
    clearTimeout(this.#deadline);
    if (ms === 0 || !this.isWaiting) return;
    const deadline = setTimeout(() => {
      if (!isAppsTurn()) return void deadline.refresh();
      this.fail("response_timeout", `timeout: no answer within ${showDuration(ms)}`);
      onTimeout();
    }, ms);
    this.#deadline = deadline;
  }

  /** It is nobody's turn. */
  unlimit(): void {
    clearTimeout(this.#deadline);
  }

  /** The limit starts anew. */
  refreshLimit(): void {
    this.#deadline?.refresh();
  }

  /** @param status as sent to the client, which had left before it was complete if not `isComplete`. */
  end(status: number, { isComplete }: { isComplete: boolean }): void {
    if (this.#state === "ended") return;
    this.#answered();
    this.#state = "ended";
    const { context, report } = this.#options;
    const failure = this.#failure;
    const shown = isComplete || failure ? status : clientGoneStatus;
    const durationMs = performance.now() - context.startedMs;
    const { method = "GET", url = "" } = context.req;
    report({ kind: "proxy_finished", method, status: shown, durationMs });
    if (failure) {
      const path = loggedPath(url);
      report({ kind: "proxy_failed", id: context.id, method, path, status: shown, ...failure });
    }
    context.finish(shown);
  }

  #answered(): void {
    this.#state = "answered";
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}
