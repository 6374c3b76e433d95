/** An app (tenant): its credentials and the options of its connections and its API. */

/** Who may send client events (`REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM`; `private` is Pusher's own rule). */
export type ClientEventSenders = "members" | "all" | "private" | "none";

/** A token bucket's size: `perSecond` tokens come back a second, `burst` at most are in it. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface App {
  readonly id: string;
  /** Public: clients name it in `/app/{key}`. */
  readonly key: string;
  /** Signs channels, users, API requests and webhooks. Never logged. */
  readonly secret: string;

  /** `*`, host names, patterns with `*`, or whole origins; see `origin.ts`. */
  readonly allowedOrigins: readonly string[];
  /** Seconds, sent to the client in `connection_established`. */
  readonly activityTimeoutSeconds: number;
  /** Silence of the client after which it is pinged. */
  readonly pingPeriodMs: number;
  /** Silence of the client after which it is closed with 4201; longer than `pingPeriodMs`. */
  readonly pongWaitMs: number;
  /** Open connections on this node; null: no limit of the app's own. */
  readonly maxConnections: number | null;
  /** Bytes of one message from a client. */
  readonly maxMessageBytes: number;
  readonly acceptClientEventsFrom: ClientEventSenders;
  /** Client events a connection may send. */
  readonly clientEventRate: Rate;
  /** All messages a connection may send but ping and pong (Reverb's `rate_limiting`); null: off. */
  readonly messageRate: Rate | null;
  /** Close a connection that exceeds `messageRate` (Reverb's `terminate_on_limit`). */
  readonly terminateOnLimit: boolean;

  /** Send subscribers their number (`pusher_internal:subscription_count`). */
  readonly subscriptionCount: boolean;
  /** Channels one connection may be subscribed to; null: no limit. */
  readonly maxChannelsPerConnection: number | null;
  /** Users in one presence channel; null: no limit. */
  readonly maxPresenceMembers: number | null;
  /** Bytes of `channel_data`; null: no limit but that of a message. */
  readonly maxPresenceMemberBytes: number | null;
  /** How long a member whose connection broke is still listed; 0: it is gone at once. */
  readonly presenceGraceMs: number;
  /** What the app answers to a subrequest counts without a signature (Laravel's `redis` driver has none). */
  readonly acceptsUnsignedAnswers: boolean;
  /** Publishing requests of the API; null: no limit. */
  readonly publishRate: Rate | null;

  /** Characters of an event name in a publish. */
  readonly maxEventNameLength: number;
  /** Bytes of `data` in a publish. */
  readonly maxEventDataBytes: number;
  /** Channels in one publish. */
  readonly maxChannelsPerPublish: number;
}
