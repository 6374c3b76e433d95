/** Asks the app by subrequest whether a connection may subscribe and who is behind it, and guards the app meanwhile. */

import type { App } from "../core/app.ts";
import { isChannelName } from "../core/channel-name.ts";
import type {
  Authentication,
  Authorization,
  AuthorizationFault,
  ChannelAuthorizer,
  Handshake,
  UserAuthenticator,
} from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { BreakerState } from "../core/report/authorizer.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { readAuthAnswer, readUserAuthAnswer } from "./auth-answer.ts";
import { CircuitBreaker, type Verdict } from "./circuit-breaker.ts";
import { ConnectionCap, type CappedOutcome, type ConnectionCapOptions } from "./failure-limit.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { toSubrequestHeaders } from "./handshake-headers.ts";
import { judgeOrigin } from "./origin-gate.ts";
import { Semaphore } from "./semaphore.ts";
import { createSubrequestClient } from "./subrequest.ts";

export interface AuthorizerOptions {
  readonly upstream: UpstreamAddress;
  /** Path of the app's authorization endpoint (Laravel: `/broadcasting/auth`). */
  readonly authPath: string;
  /** Path of the app's user authentication endpoint (Laravel: `/broadcasting/user-auth`). */
  readonly userAuthPath: string;
  /** For the whole subrequest, its answer's body included. */
  readonly deadlineMs: number;
  readonly maxAnswerBytes: number;
  /** Subrequests at a time; one more is refused at once. */
  readonly maxConcurrent: number;
  /** So many failures in a row open the breaker, for so long. */
  readonly breaker: { readonly failures: number; readonly openMs: number };
  readonly perConnection: ConnectionCapOptions;
  readonly forwarding: Forwarding;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly report: Report;
}

export interface Authorizer extends ChannelAuthorizer, UserAuthenticator {
  readonly breakerState: BreakerState;
  /** Subrequests under way. */
  readonly pending: number;
  /** Aborts what is under way; what is asked afterwards is answered `aborted`. */
  close(): void;
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { upstream, forwarding, now, report } = options;
  const client = createSubrequestClient({
    upstream,
    deadlineMs: options.deadlineMs,
    maxAnswerBytes: options.maxAnswerBytes,
    maxConnections: options.maxConcurrent,
  });
  const semaphore = new Semaphore(options.maxConcurrent);
  const breaker = new CircuitBreaker({ ...options.breaker, now, report });
  const cap = new ConnectionCap(options.perConnection);

  /**
   * What is cheapest to know comes first; nothing is spent on a question that a later guard would refuse. Channels and
   * users share the guards: it is one app that is asked.
   */
  async function guarded<T extends Answer>(question: Question<T>): Promise<T | Refusal> {
    const { app, socketId, handshake, credential, signal } = question.request;
    if (signal.aborted) return refuse("aborted");
    // Laravel answers 500, which would count against the upstream.
    if (!socketIdPattern.test(socketId)) return refuse("forbidden");
    const spendable = judge(app, handshake, credential !== null);
    if (spendable === "none") return refuse("origin");
    if (cap.isReached(handshake, now())) return refuse("too_many_failures");
    const permit = semaphore.tryAcquire();
    if (!permit) return refuse("concurrency_limit");
    try {
      const run = await breaker.run<T | Refusal>(
        () => ask(question, spendable === "all"),
        (answer) => weigh(handshake, answer),
      );
      return run.ran ? run.value : refuse("circuit_open");
    } finally {
      permit.release();
    }
  }

  function judge({ allowedOrigins }: App, handshake: Handshake, hasCredential: boolean) {
    const { rawHeaders } = handshake;
    const host = forwarding.host(handshake);
    return judgeOrigin({ rawHeaders, host, allowedOrigins, hasCredential });
  }

  async function ask<T extends Answer>(
    { request, path, payload, channel, read }: Question<T>,
    withCookies: boolean,
  ): Promise<T | Refusal> {
    const { handshake, credential, signal } = request;
    const begunMs = now();
    const body = Buffer.from(new URLSearchParams(payload).toString());
    const headers = toSubrequestHeaders({
      handshake,
      channel,
      bodyBytes: body.length,
      withCookies,
      credential,
      forwarding,
    });
    const result = await client.post({ path, headers, body }, signal);
    const answer = result.ok ? read(result.body) : result;
    const outcome = answer.ok ? "ok" : answer.reason;
    report({ kind: "authorization_finished", outcome, durationMs: now() - begunMs });
    return answer.ok ? answer : refusal(answer.reason);
  }

  function weigh(handshake: Handshake, answer: Answer | Refusal): Verdict {
    const outcome = answer.ok ? "ok" : faults[answer.reason].outcome;
    return outcome === "none" ? "none" : cap.note(handshake, outcome, now());
  }

  function refuse(reason: AuthorizationFault): Refusal {
    report({ kind: "authorization_withheld", reason });
    return refusal(reason);
  }

  return {
    authorize(request): Promise<Authorization> {
      const { channel, socketId } = request;
      if (!isChannelName(channel)) return Promise.resolve(refuse("forbidden"));
      return guarded<Granted<Authorization>>({
        request,
        path: options.authPath,
        payload: { socket_id: socketId, channel_name: channel },
        channel,
        read: (body) => readAuthAnswer(body, request),
      });
    },
    authenticate(request): Promise<Authentication> {
      return guarded<Granted<Authentication>>({
        request,
        path: options.userAuthPath,
        payload: { socket_id: request.socketId },
        channel: null,
        read: (body) => readUserAuthAnswer(body, request),
      });
    },
    get breakerState() {
      return breaker.state;
    },
    get pending() {
      return semaphore.inUse;
    },
    close: () => client.close(),
  };
}

interface Answer {
  readonly ok: true;
}

type Granted<T> = Extract<T, Answer>;
type Refusal = Exclude<Authorization, Answer>;

/** One question to the app, and how its answer is read. */
interface Question<T extends Answer> {
  readonly request: {
    readonly app: App;
    readonly socketId: string;
    readonly handshake: Handshake;
    readonly credential: string | null;
    readonly signal: AbortSignal;
  };
  readonly path: string;
  readonly payload: Record<string, string>;
  /** Null: the question is about a user. */
  readonly channel: string | null;
  readonly read: (body: Buffer) => T | { readonly ok: false; readonly reason: AuthorizationFault };
}

/** Pusher's: digits, a dot, digits (`pusher-http-php` refuses all others). */
const socketIdPattern = /^\d+\.\d+$/;

/**
 * What each fault means to the client, and to the connection and the breaker: only an upstream that does not answer, or
 * answers 5xx, has failed; one that says no works.
 */
const faults: Readonly<
  Record<AuthorizationFault, { kind: "denied" | "unavailable"; outcome: CappedOutcome | "none" }>
> = {
  origin: { kind: "denied", outcome: "none" },
  too_many_failures: { kind: "unavailable", outcome: "none" },
  concurrency_limit: { kind: "unavailable", outcome: "none" },
  circuit_open: { kind: "unavailable", outcome: "none" },
  aborted: { kind: "unavailable", outcome: "none" },
  timeout: { kind: "unavailable", outcome: "failed" },
  dispatch_error: { kind: "unavailable", outcome: "failed" },
  worker_error: { kind: "unavailable", outcome: "failed" },
  forbidden: { kind: "denied", outcome: "denied" },
  body_overflow: { kind: "denied", outcome: "denied" },
  invalid_response_json: { kind: "denied", outcome: "denied" },
  missing_signature: { kind: "denied", outcome: "denied" },
  missing_channel_data: { kind: "denied", outcome: "denied" },
  missing_user_data: { kind: "denied", outcome: "denied" },
  invalid_signature: { kind: "denied", outcome: "denied" },
};

function refusal(reason: AuthorizationFault): Refusal {
  return { ok: false, kind: faults[reason].kind, reason };
}
