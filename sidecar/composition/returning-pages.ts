/** With `POGO_RECOVERY_AUTH`: answers the app's auth endpoint for pages that are back, in front of the proxy. */

import { createReturningPages } from "../authorizer/returning-pages.ts";
import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import type { Report } from "../core/report.ts";
import type { Forwarding } from "../http/forwarded.ts";
import type { UpstreamProxy } from "../proxy/proxy.ts";

/** As the front door knows it. */
export type Upstream = Pick<UpstreamProxy, "handleRequest" | "handleUpgrade">;

export function answerReturningPages(
  config: Config,
  {
    proxy,
    hubs,
    forwarding,
    report,
  }: {
    readonly proxy: Upstream;
    readonly hubs: readonly Hub[];
    readonly forwarding: Forwarding;
    readonly report: Report;
  },
): Upstream {
  if (!config.recovery.authorizes) return proxy;
  const { authPath } = config.authorizer;
  const hubOf = (socketId: string): Hub | undefined =>
    hubs.find(({ connections }) => connections.has(socketId));
  const answer = createReturningPages({ authPath, hubOf, forwarding, report });
  return {
    handleRequest: (context, res) => answer(context, res, () => proxy.handleRequest(context, res)),
    handleUpgrade: (...upgrade) => proxy.handleUpgrade(...upgrade),
  };
}
