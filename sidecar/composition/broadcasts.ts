/** Connects what Laravel's stock `redis` driver publishes; null if no app wants that. */

import type { LaravelBroadcasts } from "../broker/laravel-broadcasts.ts";
import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { Metrics } from "../observability/metrics.ts";

export async function connectBroadcasts(
  { redisBroadcasts, httpApi }: Config,
  options: {
    readonly hubs: ReadonlyMap<string, Hub>;
    readonly broker: Broker;
    readonly metrics: Metrics;
    readonly report: Report;
    readonly now: () => number;
  },
): Promise<LaravelBroadcasts | null> {
  if (!redisBroadcasts) return null;
  const { hubs, metrics } = options;
  const { createLaravelBroadcasts } = await import("../broker/laravel-broadcasts.ts");
  const broadcasts = createLaravelBroadcasts({
    ...options,
    redis: redisBroadcasts.redis,
    apps: redisBroadcasts.apps.flatMap(({ id, prefix }) => {
      const hub = hubs.get(id);
      return hub ? [{ hub, prefix }] : [];
    }),
    maxMessageBytes: httpApi.maxBodyBytes,
  });
  metrics.broker.broadcastsUp.read(() => Number(broadcasts.isUp));
  return broadcasts;
}
