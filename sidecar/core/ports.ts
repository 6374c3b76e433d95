/**
 * What the core needs from the outside, as contracts in words. All implementations of a port pass one shared test
 * suite.
 */

import type { App } from "./app.ts";
import type { Eventual } from "./eventual.ts";
import type { TraceContext } from "./trace.ts";
import type { UserId } from "./user-id.ts";

/** One event on its way to the subscribers of one channel. */
export interface ChannelEvent {
  readonly appId: string;
  readonly channel: string;
  readonly event: string;
  /** The wire's `data` field as JSON text: a JSON string for API events, any JSON value for client events. */
  readonly dataJson: string;
  /** Sent by a client: never the last event of a cache channel (rule K06). */
  readonly isClientEvent?: true;
  /** Sender of a client event on a presence channel. */
  readonly userId?: UserId;
  /** The connection that must not get it (`toOthers()`, the sender of a client event). */
  readonly exceptSocketId?: string;
  /** Its place in the log that all nodes share; absent if it is in none. */
  readonly position?: string;
  /** The span in which it was published, if that is recorded. */
  readonly trace?: TraceContext;
}

export interface CachedEvent {
  readonly event: ChannelEvent;
  /** How long it is still kept. */
  readonly ttlMs: number;
}

/** Why a publish failed; also the `reason` label of `pogo_websocket_publish_failures_total`. */
export type BrokerFault = "broker_failed" | "broker_queue_full";

/** Why the API refused a publish, in the original's words where it has one. */
export type PublishFault =
  | BrokerFault
  | "invalid_fields"
  | "too_many_channels"
  | "invalid_channel"
  | "channel_too_long"
  | "event_too_long"
  | "payload_too_large"
  | "rate_limited"
  | "invalid_payload_json";

export type BrokerResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: BrokerFault };

/** The node that a broker belongs to, as the broker calls it. */
export interface BrokerReceiver {
  /** MUST NOT throw. */
  deliver(event: ChannelEvent): void;
  /** Closes this node's connections of a user that were opened up to `beforeMs` (the node's clock). MUST NOT throw. */
  terminate(appId: string, userId: string, beforeMs: number): void;
}

/**
 * Carries events to every node that has subscribers, this one included.
 *
 * `publish` MUST NOT throw or reject; if it need not wait it answers before it returns. `{ ok: true }` means that
 * the broker took all events: each is delivered, in the order given, exactly once to `deliver` of every node with
 * subscribers. `{ ok: false }` means that none of them was delivered anywhere, so that the publisher may try again.
 * All events of one call belong to one app.
 * Events of cache channels are stored for `lastEvent` before they are delivered.
 * `deliver` MUST NOT be called after `close` has resolved.
 */
export interface Broker {
  publish(events: readonly ChannelEvent[]): Eventual<BrokerResult>;
  /**
   * Delivers an event that every node receives by itself to this node's subscribers only. In a cache channel it becomes
   * the last event like any other, stored by each node. MUST NOT throw or wait; what can't be stored is dropped.
   */
  deliverHere(event: ChannelEvent): void;
  /**
   * Sends an event that this node has already broadcast (a client event) to the other nodes. MUST NOT throw or wait;
   * what can't be sent is dropped and counted.
   */
  relay(event: ChannelEvent): void;
  /**
   * The last event published to a cache channel, whether or not anybody was subscribed, while it is kept (30 minutes,
   * within a memory bound); null if there is none. MUST resolve, never reject.
   */
  lastEvent(appId: string, channel: string): Promise<CachedEvent | null>;
  /** Closes a user's connections on every node; like `publish`, ok once the broker took it. */
  terminate(appId: string, userId: string): Promise<BrokerResult>;
  close(): Promise<void>;
}

/** What a client sent with its WebSocket handshake, kept for the subrequest. */
export interface Handshake {
  /** Names and values in turn, as received (`IncomingMessage.rawHeaders`), latin1. */
  readonly rawHeaders: readonly string[];
  /** Address of the TCP peer. */
  readonly remoteAddress: string;
}

/** Asks who is behind a connection. */
export interface AuthenticationRequest {
  readonly app: App;
  readonly socketId: string;
  readonly handshake: Handshake;
  /**
   * The client's value for the Authorization field, `Bearer …`; null: the handshake's own is used. Never kept or
   * logged.
   */
  readonly credential: string | null;
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

/** Asks whether it may subscribe to a channel. */
export interface AuthorizationRequest extends AuthenticationRequest {
  /** Well formed (`isChannelName`). */
  readonly channel: string;
}

/** The outcome of a subrequest. */
export type Authorization = ChannelProof | Denial;

export interface ChannelProof {
  readonly ok: true;
  /** Already checked against the app's secret. */
  readonly auth: string;
  /** For presence channels: the exact text that was signed. */
  readonly channelData?: string;
  /** For `private-encrypted-` channels: the key that the client needs (base64). */
  readonly sharedSecret?: string;
}

/**
 * `denied`: the app refused, or its proof is invalid; asking again will not help. `unavailable`: there was no answer
 * after all attempts (circuit breaker open, overload, timeout, 5xx). `reason` is also the label of
 * `pogo_websocket_auth_failures_total`.
 */
export interface Denial {
  readonly ok: false;
  readonly kind: "denied" | "unavailable";
  readonly reason: AuthorizationFault;
}

export type AuthorizationFault =
  | "origin" // a page whose cookies may not be used, and no Authorization
  | "forbidden" // status 401 or 403
  | "route_not_found" // 404
  | "method_not_allowed" // 405
  | "csrf_token_mismatch" // 419
  | "redirected" // 3xx
  | "unexpected_status" // another status below 500, other than 200
  | "too_many_requests" // 429
  | "service_unavailable" // 502, 503, 504
  | "worker_error" // another status of 500 or above
  | "too_many_failures" // the visitor was denied, or failed, too often within the window
  | "concurrency_limit" // no permit became free in time
  | "queue_full" // too many wait for a permit
  | "circuit_open" // breaker open
  | "timeout" // no whole answer within the deadline
  | "dispatch_error" // no connection: refused, name not found
  | "connection_reset" // ended before the whole answer came
  | "head_overflow" // the answer's header is longer than maxHeadBytes
  | "unreadable_answer" // the answer is not HTTP
  | "body_overflow" // answer longer than max_auth_body
  | "invalid_response_json" // 200 without a JSON object
  | "missing_signature" // 200 without `auth`
  | "missing_channel_data" // presence without `channel_data`
  | "missing_user_data" // a signin's answer without `user_data`
  | "invalid_signature" // `auth` is not the signature of this socket and channel
  | "aborted"; // the connection closed meanwhile

/**
 * Asks the app whether a connection may subscribe to a channel, and retries temporary failures.
 * MUST resolve, never reject, within a bounded time, and as soon as the signal is aborted; MUST verify the signature in
 * the answer.
 */
export interface ChannelAuthorizer {
  authorize(request: AuthorizationRequest): Promise<Authorization>;
}

/** Like `Authorization`, with the signed `user_data` instead of the channel's. */
export type Authentication = UserProof | Denial;

export interface UserProof {
  readonly ok: true;
  readonly auth: string;
  readonly userData: string;
}

/** Asks the app who is behind a connection. The contract is that of `ChannelAuthorizer`. */
export interface UserAuthenticator {
  authenticate(request: AuthenticationRequest): Promise<Authentication>;
}

export const webhookEventNames = [
  "channel_occupied",
  "channel_vacated",
  "member_added",
  "member_removed",
  "client_event",
  "cache_miss",
  "subscription_count",
  "user_connected",
  "user_disconnected",
] as const;
export type WebhookEventName = (typeof webhookEventNames)[number];

/** An event that the app can be notified of (Pusher: "Webhooks"), in the wire's spelling. */
export type WebhookEvent =
  | {
      readonly name: "channel_occupied" | "channel_vacated" | "cache_miss";
      readonly channel: string;
    }
  | {
      readonly name: "member_added" | "member_removed";
      readonly channel: string;
      readonly user_id: string;
    }
  | {
      readonly name: "client_event";
      readonly channel: string;
      readonly event: string;
      /** The client's `data`: text as it was sent, any other value as JSON text. */
      readonly data: string;
      readonly socket_id: string;
      /** The sender's, on presence channels. */
      readonly user_id?: string;
    }
  | {
      readonly name: "subscription_count";
      readonly channel: string;
      readonly subscription_count: number;
    }
  | { readonly name: "user_connected" | "user_disconnected"; readonly user_id: string };

/**
 * Notifies the app of events. `notify` MUST NOT throw or wait, and costs nothing for an app that wants none of them.
 * If an end is undone within a short grace period (a channel vacated and occupied again, a member who reloads the page),
 * neither is sent. Events that can't be sent are dropped and counted.
 */
export interface Webhooks {
  notify(appId: string, event: WebhookEvent): void;
}
