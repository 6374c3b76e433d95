/** The way to the app behind: its proxy, and the questions that are put to it; null where there is none. */

import type { Config } from "../config.ts";
import { measure, setCircuitBreakerState, type Metrics } from "../observability/metrics.ts";
import type { Reporter } from "../observability/reporter.ts";
import { createAuthorizer, type Authorizer } from "../authorizer/authorizer.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { createUpstreamProxy, type UpstreamProxy } from "../proxy/proxy.ts";

export function connectUpstream(
  config: Config,
  options: {
    forwarding: Forwarding;
    reporter: Reporter;
    metrics: Metrics;
    now: () => number;
    isDraining: () => boolean;
  },
): { readonly proxy: UpstreamProxy; readonly authorizer: Authorizer } | null {
  const { forwarding, reporter, metrics, now, isDraining } = options;
  const { address } = config.upstream;
  if (address === null) return null;
  const proxy = createUpstreamProxy({
    ...config.upstream,
    upstream: address,
    forwarding,
    isDraining,
    onFinished: reporter.proxyFinished,
  });
  const authorizer = createAuthorizer({
    ...config.authorizer,
    upstream: address,
    forwarding,
    now,
    onBreakerState: reporter.breakerChanged,
    onOutcome: reporter.authorizationEnded,
  });
  setCircuitBreakerState(metrics, authorizer.breakerState);
  measure(metrics, {
    name: "pogo_proxy_tunnels_active",
    help: "Open WebSocket connections passed through to the upstream.",
    read: () => proxy.openTunnels,
  });
  return { proxy, authorizer };
}
