/** The pages of a node's admin port: metrics, probes, health. */

import type { Pages } from "./admin.ts";
import type { Metrics } from "./metrics.ts";

/** Why the node should get no new traffic; null if it should. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: NotReady };

export type NotReady = "starting" | "leaving" | "draining" | "Redis is lost";

export function createAdminPages({
  metrics: { registry },
  readiness,
  health,
}: {
  readonly metrics: Pick<Metrics, "registry">;
  readonly readiness: () => Readiness;
  /** Body of `/pogo/health`; nothing secret. */
  readonly health: () => Record<string, unknown>;
}): Pages {
  return {
    "/metrics": async () => ({
      status: 200,
      text: await registry.metrics(),
      contentType: registry.contentType,
    }),
    // Alive as long as it can answer at all: nothing outside this process is asked.
    "/livez": () => ({ status: 200, text: "ok\n" }),
    "/readyz"() {
      const state = readiness();
      return state.ready
        ? { status: 200, text: "ok\n" }
        : { status: 503, text: `not ready: ${state.reason}\n` };
    },
    "/pogo/health"() {
      const { ready } = readiness();
      const body = { status: ready ? "ok" : "unavailable", ...health() };
      const contentType = "application/json";
      return { status: ready ? 200 : 503, text: JSON.stringify(body), contentType };
    },
  };
}
