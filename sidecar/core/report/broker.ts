/** What happens between this node, Redis and the other nodes. */

/** Why a message from Redis can't be read. */
export type EnvelopeFault = "not_json" | "newer_version" | "unknown_type" | "bad_fields";

/** Why a message did not reach Redis. */
export type BrokerDropReason = "queue_full" | "failed";

export interface BrokerEvents {
  /** Once for each change. */
  redis_connected: {};
  /** Once for each change, and when a start has to go on without Redis. `reason`: Redis' or the system's words. */
  redis_lost: { reason: string };
  /** Subscribed to what Laravel's `redis` driver publishes. */
  redis_broadcasts_connected: {};
  /** Once for each change, and when it could not be had at first: what is published meanwhile is not delivered here. */
  redis_broadcasts_lost: { reason: string };
  broker_message_ignored: { reason: EnvelopeFault };
  /** A client event reached this node's subscribers only. */
  broker_relay_dropped: { appId: string; reason: BrokerDropReason };
  /** What was published during a cut was read from Redis' log. */
  broker_replayed: { appId: string; messages: number };
  /** The log reaches back less far than the cut: events may be missing. */
  broker_gap: { appId: string };
  /** A node was silent for longer than its lease, and this one removed its members. */
  node_taken_over: { appId: string; nodeId: string };
}
