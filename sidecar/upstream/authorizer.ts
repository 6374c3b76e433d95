/** Authorization by subrequest: asks the app whether a connection may subscribe, and guards the app while asking. */

import type { App } from "../core/app.ts";
import { isChannelName } from "../core/channel-name.ts";
import type {
  Authorization,
  AuthorizationFault,
  AuthorizationRequest,
  ChannelAuthorizer,
} from "../core/ports.ts";
import type { UpstreamAddress } from "./address.ts";
import { readAuthAnswer } from "./auth-answer.ts";
import { CircuitBreaker, type BreakerState, type Verdict } from "./circuit-breaker.ts";
import { ConnectionCap, type CappedOutcome, type ConnectionCapOptions } from "./connection-cap.ts";
import type { Forwarding } from "./forwarded.ts";
import { toSubrequestHeaders } from "./handshake-headers.ts";
import { judgeOrigin } from "./origin-gate.ts";
import { Semaphore } from "./semaphore.ts";
import { createSubrequestClient } from "./subrequest.ts";

export interface AuthorizerOptions {
  readonly upstream: UpstreamAddress;
  /** Path of the app's authorization endpoint (Laravel: `/broadcasting/auth`). */
  readonly authPath: string;
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
  /** MUST NOT throw. */
  readonly onBreakerState?: ((state: BreakerState) => void) | undefined;
  /** `durationMs` of the subrequest; 0 if there was none. MUST NOT throw. */
  readonly onOutcome?:
    | ((outcome: { reason: AuthorizationFault | "ok"; durationMs: number }) => void)
    | undefined;
}

export interface Authorizer extends ChannelAuthorizer {
  readonly breakerState: BreakerState;
  /** Subrequests under way. */
  readonly pending: number;
  /** Aborts what is under way; what is asked afterwards is answered `aborted`. */
  close(): void;
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { upstream, forwarding, now, onOutcome } = options;
  const client = createSubrequestClient({
    upstream,
    path: options.authPath,
    deadlineMs: options.deadlineMs,
    maxAnswerBytes: options.maxAnswerBytes,
    maxConnections: options.maxConcurrent,
  });
  const semaphore = new Semaphore(options.maxConcurrent);
  const breaker = new CircuitBreaker({ ...options.breaker, now, onState: options.onBreakerState });
  const cap = new ConnectionCap(options.perConnection);

  /** What is cheapest to know comes first; nothing is spent on a request that a later guard would refuse. */
  async function authorize(request: AuthorizationRequest): Promise<Authorization> {
    const { app, socketId, channel, handshake, signal } = request;
    if (signal.aborted) return refuse("aborted");
    // Laravel answers 500 to either, which would count against the upstream.
    if (!isChannelName(channel) || !socketIdPattern.test(socketId)) return refuse("forbidden");
    const spendable = judge(app, request);
    if (spendable === "none") return refuse("origin");
    if (cap.isReached(handshake, now())) return refuse("too_many_failures");
    const permit = semaphore.tryAcquire();
    if (!permit) return refuse("concurrency_limit");
    try {
      const run = await breaker.run(
        () => ask(request, spendable === "all"),
        (answer) => weigh(request, answer),
      );
      return run.ran ? run.value : refuse("circuit_open");
    } finally {
      permit.release();
    }
  }

  function judge({ allowedOrigins }: App, { handshake }: AuthorizationRequest) {
    const { rawHeaders } = handshake;
    return judgeOrigin({ rawHeaders, host: forwarding.host(handshake), allowedOrigins });
  }

  async function ask(request: AuthorizationRequest, withCookies: boolean): Promise<Authorization> {
    const { channel, socketId, handshake, signal } = request;
    const begunMs = now();
    const body = Buffer.from(JSON.stringify({ channel_name: channel, socket_id: socketId }));
    const headers = toSubrequestHeaders({
      handshake,
      channel,
      bodyBytes: body.length,
      withCookies,
      forwarding,
    });
    const result = await client.post(headers, body, signal);
    const answer = result.ok ? readAuthAnswer(result.body, request) : result;
    onOutcome?.({ reason: answer.ok ? "ok" : answer.reason, durationMs: now() - begunMs });
    return answer.ok ? answer : refusal(answer.reason);
  }

  function weigh({ handshake }: AuthorizationRequest, answer: Authorization): Verdict {
    const outcome = answer.ok ? "ok" : faults[answer.reason].outcome;
    return outcome === "none" ? "none" : cap.note(handshake, outcome, now());
  }

  function refuse(reason: AuthorizationFault): Authorization {
    onOutcome?.({ reason, durationMs: 0 });
    return refusal(reason);
  }

  return {
    authorize,
    get breakerState() {
      return breaker.state;
    },
    get pending() {
      return semaphore.inUse;
    },
    close: () => client.close(),
  };
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
  invalid_signature: { kind: "denied", outcome: "denied" },
};

function refusal(reason: AuthorizationFault): Authorization {
  return { ok: false, kind: faults[reason].kind, reason };
}
