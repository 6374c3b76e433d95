/** Metrics of the node itself. */

import type { Define } from "../metric.ts";

export function nodeMetrics({ gauge, reading }: Define) {
  return {
    buildInfo: reading({
      name: "pogo_build_info",
      help: "1, with the version that runs.",
      unit: "1",
      moves: "Never.",
      action: "Count by version to follow a rollout.",
      labels: { version: "Version of the sidecar." },
    }),
    draining: gauge({
      name: "pogo_draining",
      help: "1 from the moment the sidecar stops taking connections.",
      unit: "0 or 1",
      moves: "To 1 at SIGTERM or SIGINT, once.",
      action:
        "Nothing, during a rollout. A node that stays at 1 waits for requests or WebSockets to end; POGO_SHUTDOWN_TIMEOUT ends the wait.",
    }),
  };
}
