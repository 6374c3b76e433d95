/** For tests: a node's broker and presence store on a real Redis, and all that they said. */

import type { ChannelEvent, WebhookEvent } from "../../core/ports.ts";
import type { SidecarEvent } from "../../core/report.ts";
import { memberKey, type Member } from "../../core/presence.ts";
import type { PresenceStore } from "../../core/presence-store.ts";
import { createRedisBroker, type RedisBroker, type RedisBrokerOptions } from "../redis.ts";

export interface RecordingNode<B> {
  readonly broker: B;
  readonly presence: PresenceStore;
  readonly delivered: ChannelEvent[];
  /** Of those of them that stand in a log. */
  readonly positions: string[];
  /** User ids. */
  readonly terminated: string[];
  /** `+ channel user`, `- channel user`. */
  readonly changes: string[];
  /** `channel count`. */
  readonly counts: string[];
  readonly webhookEvents: WebhookEvent[];
  close(): Promise<void>;
}

export interface RedisNode extends RecordingNode<RedisBroker> {
  /** Of the broker: `up`, `down`, `ignored …`, `dropped`, `replayed …`, `gap`, `takeover`. */
  readonly log: string[];
}

/** What a node is called with, written down. */
export function createRecorder() {
  const delivered: ChannelEvent[] = [];
  const positions: string[] = [];
  const terminated: string[] = [];
  const changes: string[] = [];
  const counts: string[] = [];
  const webhookEvents: WebhookEvent[] = [];
  return {
    recorded: { delivered, positions, terminated, changes, counts, webhookEvents },
    receiver: {
      // Its place in the log, which only brokers with one give it, is another test's.
      deliver({ position, ...event }: ChannelEvent): void {
        if (position !== undefined) positions.push(position);
        delivered.push(event);
      },
      terminate: (_appId: string, userId: string) => void terminated.push(userId),
    },
    listener: {
      memberAdded: (channel: string, member: Member) =>
        void changes.push(`+ ${channel} ${memberKey(member)}`),
      memberRemoved: (channel: string, member: Member) =>
        void changes.push(`- ${channel} ${memberKey(member)}`),
      subscriptionsCounted: (channel: string, count: number) =>
        void counts.push(`${channel} ${count}`),
      webhookDue: (event: WebhookEvent) => void webhookEvents.push(event),
    },
  };
}

/** Starts a node; up, unless Redis can't be reached. */
export async function startRedisNode(
  redis: Partial<RedisBrokerOptions["redis"]> & Pick<RedisBrokerOptions["redis"], "servers">,
  options: {
    appId?: string;
    graceMs?: number | null;
    whenUp?: boolean;
    now?: () => number;
    adminUrl?: string | null;
  } = {},
): Promise<RedisNode> {
  const { appId = "app", graceMs = 0, whenUp = true, now = () => performance.now() } = options;
  const { adminUrl = null } = options;
  const { recorded, receiver, listener } = createRecorder();
  const log: string[] = [];
  const broker = createRedisBroker({
    redis: {
      username: null,
      password: null,
      db: 0,
      tls: null,
      prefix: "test",
      timeoutMs: 1_000,
      queueSize: 1024,
      nodeLeaseMs: 1_000,
      ...redis,
    },
    apps: [{ id: appId, graceMs }],
    receiver,
    adminUrl,
    now,
    cacheTtlMs: 60_000,
    report: (event) => void log.push(textOf(event)),
  });
  const presence = broker.presence(appId, listener);
  if (whenUp) await broker.whenUp(5_000);
  return { broker, presence, log, ...recorded, close: () => broker.close() };
}

function textOf(event: SidecarEvent): string {
  switch (event.kind) {
    case "redis_connected":
      return "up";
    case "redis_lost":
      return "down";
    case "broker_message_ignored":
      return `ignored ${event.reason}`;
    case "broker_relay_dropped":
      return "dropped";
    case "broker_replayed":
      return `replayed ${event.messages}`;
    case "broker_gap":
      return "gap";
    case "node_taken_over":
      return "takeover";
    default:
      return event.kind;
  }
}
