/**
 * Receives from Redis what Laravel's stock `redis` broadcaster publishes. Every node listens and delivers to its own
 * clients, so nodes pass nothing on to each other; what is published while a node is cut off never reaches its clients.
 */

import type { Hub } from "../core/hub.ts";
import type { Broker, PublishFault } from "../core/ports.ts";
import { checkPublication } from "../core/publishing.ts";
import type { Report } from "../core/report.ts";
import { parseLaravelMessage } from "./laravel-message.ts";
import { createOnce, type RedisAccess } from "./redis/clients.ts";
import { parseTopic } from "./redis/keys.ts";
import { PatternLink } from "./redis/pattern-link.ts";

export interface LaravelBroadcastsOptions {
  readonly redis: RedisAccess & { readonly readyWithoutRedis: boolean };
  /** `prefix`: what Laravel puts in front of channels. None is the beginning of another app's. */
  readonly apps: readonly { readonly hub: Hub; readonly prefix: string }[];
  readonly broker: Pick<Broker, "deliverHere">;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly report: Report;
}

export interface LaravelBroadcasts {
  readonly isUp: boolean;
  /** Whether the node should get traffic, as far as this goes. */
  isReady(): boolean;
  /** Resolves once it is subscribed, or after the timeout of Redis. */
  whenUp(): Promise<void>;
  close(): void;
}

export function createLaravelBroadcasts(options: LaravelBroadcastsOptions): LaravelBroadcasts {
  const { redis, apps, broker, maxMessageBytes, now, report } = options;
  const { promise: up, resolve: setUp } = Promise.withResolvers<void>();
  const link = new PatternLink({
    connect: (attempt) => createOnce(redis, attempt),
    patterns: apps.map(({ prefix }) => `${withoutWildcards(prefix)}*`),
    timeoutMs: redis.timeoutMs,
    listener: {
      message: receive,
      up() {
        setUp();
        report({ kind: "redis_broadcasts_connected" });
      },
      lost: (reason) => report({ kind: "redis_broadcasts_lost", reason }),
    },
  });

  function receive(redisChannel: string, text: string): void {
    const app = apps.find(({ prefix }) => redisChannel.startsWith(prefix));
    // With an empty prefix the nodes' own messages come along.
    if (!app || parseTopic(redisChannel)) return;
    const { hub, prefix } = app;
    const channel = redisChannel.slice(prefix.length);
    const reason = publish(hub, channel, text);
    if (reason) report({ kind: "publish_refused", appId: hub.app.id, reason, isFromRedis: true });
  }

  /** Null if it was delivered. */
  function publish(hub: Hub, channel: string, text: string): PublishFault | null {
    const startedMs = now();
    if (Buffer.byteLength(text) > maxMessageBytes) return "payload_too_large";
    const parsed = parseLaravelMessage(text);
    if (!parsed.ok) return parsed.reason;
    const { name, data, socketId } = parsed.message;
    const refusal = checkPublication(hub.app, { name, data, channels: [channel] });
    if (refusal) return refusal.reason;
    if (!hub.mayPublish(startedMs)) return "rate_limited";
    const { id: appId } = hub.app;
    const validatedMs = now();
    broker.deliverHere({
      appId,
      channel,
      event: name,
      dataJson: JSON.stringify(data),
      ...(socketId !== null && { exceptSocketId: socketId }),
    });
    const [validateMs, brokerMs] = [validatedMs - startedMs, now() - validatedMs];
    report({ kind: "messages_published", appId, messages: 1, validateMs, brokerMs });
    return null;
  }

  return {
    get isUp() {
      return link.isUp;
    },
    isReady: () => link.isUp || redis.readyWithoutRedis,
    async whenUp() {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, redis.timeoutMs);
      await Promise.race([up, late]);
      clearTimeout(timer);
    },
    close: () => link.close(),
  };
}

/** For PSUBSCRIBE, to which `* ? [ \` mean something. */
function withoutWildcards(prefix: string): string {
  return prefix.replaceAll(/[*?[\]\\]/g, "\\$&");
}
