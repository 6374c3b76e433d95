/**
 * Asks the app whether a connection may subscribe and who is behind it, and protects the app from too many such
 * requests.
 */

import { randomBytes } from "node:crypto";
import { isChannelName } from "../core/channel-name.ts";
import type {
  Authentication,
  Authorization,
  AuthorizationFault,
  AuthorizationRequest,
  ChannelAuthorizer,
  ChannelProof,
  Denial,
  UserAuthenticator,
  UserProof,
} from "../core/ports.ts";
import type { BreakerState } from "../core/report/authorizer.ts";
import { isSocketId } from "../core/socket-id.ts";
import type { Tracer } from "../core/trace.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { systemTimers } from "../http/timers.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { visitorOf } from "../http/visitor.ts";
import { readAuthAnswer, readUserAuthAnswer } from "./auth-answer.ts";
import type { Bulkhead } from "./bulkhead.ts";
import { createBulkheads, type Asking, type BulkheadsOptions } from "./bulkheads.ts";
import { credentialsOf } from "./handshake-headers.ts";
import { credentialPolicyFor } from "./origin-gate.ts";
import { meanings, verdictOn } from "./outcomes.ts";
import { toSubrequest, type Proof, type Question } from "./question.ts";
import { createSubrequestClient } from "./subrequest.ts";
import { Visitors } from "./visitors.ts";

export interface AuthorizerOptions extends Omit<BulkheadsOptions, "timers" | "random"> {
  readonly upstream: UpstreamAddress;
  /** Path of the app's authorization endpoint (Laravel: `/broadcasting/auth`). */
  readonly authPath: string;
  /** Path of the app's user authentication endpoint (Laravel: `/broadcasting/user-auth`). */
  readonly userAuthPath: string;
  /** For one whole subrequest, including its answer's body. */
  readonly deadlineMs: number;
  readonly maxAnswerBytes: number;
  /** Maximum bytes of an answer's status line and header. */
  readonly maxHeadBytes: number;
  /** Null or absent: no traces are recorded. */
  readonly tracer?: Tracer | null;
  readonly forwarding: Forwarding;
}

export interface Authorizer extends ChannelAuthorizer, UserAuthenticator {
  /**
   * Asks about a channel once more, as `authorize` would, to see what the app answers. It bypasses permits and circuit
   * breaker and does not retry, so the caller must bound how often. MUST resolve.
   */
  replay(request: AuthorizationRequest): Promise<Replayed>;
  breakerState(appId: string): BreakerState;
  /** The worst state of all apps. */
  readonly worstBreakerState: BreakerState;
  /** Subrequests in flight. */
  underWay(appId: string): number;
  /** Requests that wait, for their turn or for a retry. */
  waiting(appId: string): number;
  /** Aborts all requests, in flight and waiting; later ones are answered `aborted`. */
  close(): void;
}

/** `reason`: the app was not asked, or gave no usable answer. `body`: only of a 200. */
export type Replayed =
  | { readonly isAnswered: true; readonly status: number; readonly body: string }
  | { readonly isAnswered: false; readonly reason: AuthorizationFault };

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { appIds, forwarding, now, report } = options;
  const client = createSubrequestClient({
    upstream: options.upstream,
    deadlineMs: options.deadlineMs,
    maxAnswerBytes: options.maxAnswerBytes,
    maxHeadBytes: options.maxHeadBytes,
    maxConnections: Math.max(options.maxConcurrent, appIds.length),
    tracer: options.tracer ?? null,
  });
  const visitors = new Visitors(randomBytes(32));
  const bulkheads = createBulkheads({ ...options, timers: systemTimers, random: Math.random });

  /**
   * The cheapest check comes first, so that nothing is spent on a request that a later one would refuse. Channels and
   * users share these guards, since the same app is asked.
   */
  async function guarded<T extends Proof>(question: Question<T>): Promise<T | Denial> {
    const { app, socketId, signal } = question.request;
    const bulkhead = bulkheads.get(app.id);
    if (!bulkhead || signal.aborted) return refuse("aborted");
    // Laravel answers 500.
    if (!isSocketId(socketId)) return refuse("forbidden");
    const policy = policyFor(question.request);
    return policy === "none" ? refuse("origin") : ask(question, policy === "all", bulkhead);
  }

  function policyFor({ app, handshake, credential }: Question<Proof>["request"]) {
    return credentialPolicyFor({
      rawHeaders: handshake.rawHeaders,
      host: forwarding.host(handshake),
      scheme: forwarding.scheme(handshake),
      allowedOrigins: app.allowedOrigins,
      hasCredential: credential !== null,
    });
  }

  function aboutChannel(request: AuthorizationRequest): Question<ChannelProof> {
    const { channel, socketId } = request;
    return {
      request,
      path: options.authPath,
      fields: { socket_id: socketId, channel_name: channel },
      channel,
      read: (body) => readAuthAnswer(body, request),
    };
  }

  async function replay(request: AuthorizationRequest): Promise<Replayed> {
    const policy = policyFor(request);
    if (policy === "none") return { isAnswered: false, reason: "origin" };
    const withCookies = policy === "all";
    const result = await client.post(
      toSubrequest(aboutChannel(request), { withCookies, forwarding }),
    );
    if (result.ok) return { isAnswered: true, status: 200, body: result.body.toString() };
    const { status, reason } = result;
    return status === null || status === 200
      ? { isAnswered: false, reason }
      : { isAnswered: true, status, body: "" };
  }

  function ask<T extends Proof>(
    question: Question<T>,
    withCookies: boolean,
    bulkhead: Bulkhead<Asking>,
  ): Promise<T | Denial> {
    const { app, socketId, handshake, credential, signal } = question.request;
    const { promise, resolve } = Promise.withResolvers<T | Denial>();
    const credentials = () => credentialsOf({ handshake, credential, withCookies });
    let last: Denial | null = null;

    async function attempt(): Promise<void> {
      const begunMs = now();
      const result = await client.post(toSubrequest(question, { withCookies, forwarding }));
      const answer = result.ok ? question.read(result.body) : result;
      if (answer.ok) visitors.prove(app.id, credentials());
      const reason = answer.ok ? null : answer.reason;
      const verdict = verdictOn(reason, result.ok ? 0 : result.retryAfterMs);
      const isTriedAgain = bulkhead.end(asking, verdict);
      const [outcome, durationMs] = [reason ?? "ok", now() - begunMs] as const;
      const { path, channel } = question;
      const { status } = result;
      const asked = { appId: app.id, socketId, channel, status, outcome, durationMs };
      report({ kind: "authorization_finished", ...asked, isTriedAgain });
      report.details?.({ kind: "app_asked", ...asked, path });
      last = answer.ok ? null : refusal(answer.reason);
      if (!isTriedAgain) resolve(answer.ok ? answer : refusal(answer.reason));
    }

    const asking: Asking = {
      attempt: () => void attempt(),
      giveUp: (reason) => resolve(last ?? refuse(reason)),
    };
    const callOff = () => {
      bulkhead.callOff(asking);
      resolve(refusal("aborted"));
    };
    signal.addEventListener("abort", callOff, { once: true });
    const address = visitorOf(forwarding.clientIp(handshake));
    const asker = { appId: app.id, address, socketId, credentials: credentials() };
    bulkhead.enter(asking, visitors.placeOf(asker));
    return promise.finally(() => signal.removeEventListener("abort", callOff));
  }

  function breakerState(appId: string): BreakerState {
    return bulkheads.get(appId)?.breakerState ?? "closed";
  }

  function refuse(reason: AuthorizationFault): Denial {
    report({ kind: "authorization_withheld", reason });
    return refusal(reason);
  }

  return {
    authorize: async (request): Promise<Authorization> => {
      if (!isChannelName(request.channel)) return refuse("forbidden");
      return guarded(aboutChannel(request));
    },
    replay,
    authenticate: (request): Promise<Authentication> =>
      guarded<UserProof>({
        request,
        path: options.userAuthPath,
        fields: { socket_id: request.socketId },
        channel: null,
        read: (body) => readUserAuthAnswer(body, request),
      }),
    breakerState,
    get worstBreakerState() {
      const states = new Set(appIds.map((appId) => breakerState(appId)));
      if (states.has("open")) return "open";
      return states.has("half-open") ? "half-open" : "closed";
    },
    underWay: (appId) => bulkheads.get(appId)?.underWay ?? 0,
    waiting: (appId) => bulkheads.get(appId)?.waiting ?? 0,
    close() {
      for (const bulkhead of bulkheads.values()) bulkhead.close();
      client.close();
    },
  };
}

function refusal(reason: AuthorizationFault): Denial {
  return { ok: false, kind: meanings[reason].kind, reason };
}
