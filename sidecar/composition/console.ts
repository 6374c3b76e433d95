/** Gives the console what it shows; loaded, as all of it, when somebody opens it. */

import type { Handshake } from "../core/ports.ts";
import type { OpenConsole } from "../observability/admin.ts";
import type { WatchableReport } from "../observability/report.ts";
import type { WebSocketEndpoint } from "../ws/endpoint.ts";
import type { Cluster } from "./cluster.ts";
import { createConsoleActions } from "./console-actions.ts";
import { readFigures, type FigureSources } from "./figures.ts";

export interface ConsoleParts extends Omit<FigureSources, "queuedBytes"> {
  readonly cluster: Cluster;
  readonly webSockets: WebSocketEndpoint;
  readonly report: WatchableReport;
  readonly clientIp: (handshake: Handshake) => string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export function bindConsole(parts: ConsoleParts): OpenConsole {
  return (port) => open(parts, port);
}

async function open(
  parts: ConsoleParts,
  { isLoopback }: Parameters<OpenConsole>[0],
): ReturnType<OpenConsole> {
  // Who never looks need not load it.
  const { createConsole } = await import("../console/console.ts");
  const { config, hubs, cluster, upstream, webSockets, report, clientIp, now } = parts;
  return createConsole(
    { ...config.console, isLoopback },
    {
      hubs,
      now,
      clientIp,
      trafficOf: (connection) => webSockets.trafficOf(connection),
      figures: () => readFigures({ ...parts, queuedBytes: webSockets.queuedBytes }),
      countByNode: () => cluster.countByNode(),
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
      loginRefused: () => report({ kind: "console_login_refused" }),
    },
  );
}
