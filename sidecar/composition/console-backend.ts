/** The console's backend in one process; loaded only when somebody opens the console. */

import type { Backend } from "../console/backend.ts";
import type { Handshake } from "../core/ports.ts";
import { showUpstream } from "../http/upstream-address.ts";
import type { WatchableReport } from "../observability/report.ts";
import type { WebSocketEndpoint } from "../ws/endpoint.ts";
import type { Cluster } from "./cluster.ts";
import type { LoadBackend } from "./console.ts";
import { readFigures, type FigureSources } from "./figures.ts";

export interface ConsoleParts extends Omit<FigureSources, "queuedBytes"> {
  /** Which of POGO_WORKERS this process is, from 1; null: there is one process. */
  readonly worker: number | null;
  readonly cluster: Cluster;
  readonly webSockets: WebSocketEndpoint;
  readonly report: WatchableReport;
  readonly clientIp: (handshake: Handshake) => string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export function bindBackend(parts: ConsoleParts): LoadBackend {
  const load = async (): Promise<Backend> => {
    // Who never looks need not load it.
    const { createBackend } = await import("../console/backend.ts");
    const { createConsoleActions } = await import("./console-actions.ts");
    const { config, worker, hubs, cluster, upstream, webSockets, report, clientIp, now } = parts;
    return createBackend({
      worker,
      hubs,
      upstream: config.upstream.address && showUpstream(config.upstream.address),
      now,
      clientIp,
      trafficOf: (connection) => webSockets.trafficOf(connection),
      figures: () => readFigures({ ...parts, queuedBytes: webSockets.queuedBytes }),
      nodes: () => cluster.nodes(),
      watch: (watcher) => report.watch(watcher),
      lineOf: (event) => report.lineOf(event),
      refusals: () => report.refusals(),
      actions: createConsoleActions({
        hubs,
        broker: cluster.broker,
        authorizer: upstream?.authorizer ?? null,
        authPath: config.authorizer.authPath,
        report,
      }),
    });
  };
  let loading: Promise<Backend> | null = null;
  return () => (loading ??= load());
}
