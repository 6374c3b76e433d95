/** The way to the app behind: its proxy, and the questions that are put to it. */

import type { Config } from "../config.ts";
import { measure, setCircuitBreakerState, type Metrics } from "../observability/metrics.ts";
import type { Reporter } from "../observability/reporter.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { createAuthorizer, type Authorizer } from "../authorizer/authorizer.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { createUpstreamProxy, type UpstreamProxy } from "../proxy/proxy.ts";

export function connectUpstream(
  address: UpstreamAddress,
  config: Config,
  options: {
    forwarding: Forwarding;
    reporter: Reporter;
    metrics: Metrics;
    now: () => number;
    isDraining: () => boolean;
  },
): { readonly proxy: UpstreamProxy; readonly authorizer: Authorizer } {
  const { forwarding, reporter, metrics, now, isDraining } = options;
  const proxy = createUpstreamProxy({
    upstream: address,
    forwarding,
    connectTimeoutMs: config.upstream.connectTimeoutMs,
    responseTimeoutMs: config.upstream.responseTimeoutMs,
    maxBodyBytes: config.upstream.maxBodyBytes ?? 0,
    isDraining,
    onFinished: reporter.proxyFinished,
  });
  const authorizer = createAuthorizer({
    upstream: address,
    authPath: config.authorizer.authPath,
    userAuthPath: config.authorizer.userAuthPath,
    deadlineMs: config.authorizer.timeoutMs,
    maxAnswerBytes: config.authorizer.maxBodyBytes,
    maxConcurrent: config.authorizer.maxConcurrent,
    breaker: config.authorizer.breaker,
    perConnection: config.authorizer.perConnection,
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
