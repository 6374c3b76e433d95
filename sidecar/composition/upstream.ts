/** The way to the app: the proxy and the authorizer; null without an app. */

import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import type { Report } from "../core/report.ts";
import type { Tracer } from "../core/trace.ts";
import type { BreakerState } from "../core/report/authorizer.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createAuthorizer, type Authorizer } from "../authorizer/authorizer.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { createUpstreamProxy, type UpstreamProxy } from "../proxy/proxy.ts";
import { answerReturningPages, type Upstream } from "./returning-pages.ts";

export interface UpstreamParts {
  readonly proxy: UpstreamProxy;
  /** Who takes the requests that are the app's. */
  readonly atDoor: Upstream;
  readonly authorizer: Authorizer;
  readonly health: () => Record<string, unknown>;
}

export function connectUpstream(
  config: Config,
  options: {
    hubs: readonly Hub[];
    forwarding: Forwarding;
    report: Report;
    metrics: Metrics;
    now: () => number;
    isDraining: () => boolean;
    tracer: Tracer | null;
  },
): UpstreamParts | null {
  const { hubs, forwarding, report, metrics, now, isDraining, tracer } = options;
  const { address } = config.upstream;
  if (address === null) return null;
  const proxy = createUpstreamProxy({
    ...config.upstream,
    upstream: address,
    forwarding,
    isDraining,
    report,
    tracer,
  });
  const appIds = config.apps.map(({ id }) => id);
  const authorizer = createAuthorizer({
    ...config.authorizer,
    upstream: address,
    maxHeadBytes: config.upstream.maxHeadBytes,
    appIds,
    forwarding,
    now,
    report,
    tracer,
  });
  metrics.proxy.connectionsActive.read(() => proxy.openRequests);
  metrics.proxy.requestsWaiting.read(() => proxy.waitingRequests);
  const { waitingRoom } = proxy;
  metrics.proxy.upstreamUp.read(() => Number(waitingRoom.appState !== "away"));
  metrics.proxy.requestsPaused.read(() => Number(waitingRoom.isPaused));
  metrics.proxy.requestsAway.read(() => waitingRoom.waiting);
  metrics.proxy.tunnelsActive.read(() => proxy.openTunnels);
  metrics.authorizer.circuitBreakerState.readEach(() =>
    appIds.flatMap((appId) => {
      const current = authorizer.breakerState(appId);
      return breakerStates.map((state) => [[appId, state], Number(state === current)] as const);
    }),
  );
  metrics.authorizer.active.readEach(() =>
    appIds.map((appId) => [[appId], authorizer.underWay(appId)]),
  );
  metrics.authorizer.waiting.readEach(() =>
    appIds.map((appId) => [[appId], authorizer.waiting(appId)]),
  );
  return {
    proxy,
    atDoor: answerReturningPages(config, { proxy, hubs, forwarding, report }),
    authorizer,
    health: () => ({
      upstream: waitingRoom.appState,
      requests_paused: waitingRoom.isPaused,
      requests_waiting_for_app: waitingRoom.waiting,
    }),
  };
}

const breakerStates: readonly BreakerState[] = ["closed", "open", "half-open"];
