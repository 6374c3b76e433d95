/** For tests: the front door with nothing behind it but the proxy. */

import type { Cleanup } from "./raw-http.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import type { SidecarEvent } from "../core/report.ts";
import { createForwarding } from "../http/forwarded.ts";
import { noAccessLog } from "./request-context.ts";
import { guardRequest } from "../http/guard.ts";
import {
  createUpstreamProxy,
  type UpstreamProxy,
  type UpstreamProxyOptions,
} from "../proxy/proxy.ts";
import { createFrontDoor, type FrontDoorOptions } from "../server.ts";

type Outcome = Omit<SidecarEvent<"proxy_finished">, "kind"> &
  Partial<Pick<SidecarEvent<"proxy_failed">, "fault" | "cause">>;

export interface Front {
  readonly port: number;
  readonly proxy: UpstreamProxy;
  /** How every request reported so far ended. */
  readonly outcomes: readonly Outcome[];
  /** Every request refused so far. */
  readonly refused: readonly SidecarEvent<"request_refused">[];
  /** What was wrong with handshakes that can't be taken for one. */
  readonly misdirected: readonly string[];
  /** Why requests were answered 503, for the app has enough to do. */
  readonly busy: readonly string[];
}

export interface FrontOptions extends Partial<UpstreamProxyOptions> {
  readonly trustedProxies?: readonly string[];
  readonly door?: Partial<FrontDoorOptions>;
}

/** @param upstream a port of 127.0.0.1, or an address. */
export async function startFront(
  test: Cleanup,
  upstream: number | UpstreamAddress,
  { trustedProxies = [], door = {}, ...options }: FrontOptions = {},
): Promise<Front> {
  const outcomes: Outcome[] = [];
  const refused: SidecarEvent<"request_refused">[] = [];
  const misdirected: string[] = [];
  const busy: string[] = [];
  const proxy = createUpstreamProxy({
    upstream:
      typeof upstream === "number" ? { kind: "tcp", host: "127.0.0.1", port: upstream } : upstream,
    forwarding: createForwarding({ trustedProxies }),
    connectTimeoutMs: 5_000,
    // Longer than a test waits for anything: what ends in one has not ended by this.
    responseTimeoutMs: 30_000,
    maxBodyBytes: 0,
    maxHeadBytes: 32 * 1024,
    maxConnections: 512,
    maxWaiting: 1_024,
    maxWaitMs: 5_000,
    awayWaitMs: 0,
    maxAwayWaiting: 1_024,
    maxWebSockets: 1_024,
    isDraining: () => false,
    report(event) {
      if (event.kind === "proxy_refused") busy.push(event.reason);
      if (event.kind === "proxy_finished") {
        const { method, status, durationMs } = event;
        outcomes.push({ method, status, durationMs });
      }
      if (event.kind === "proxy_failed") {
        const { fault, cause } = event;
        Object.assign(outcomes.at(-1) ?? {}, { fault, cause });
      }
    },
    ...options,
  });
  const frontDoor = createFrontDoor({
    door: "everything",
    pathPrefix: "",
    appIds: new Set(),
    appIdsByKey: new Map(),
    guard: guardRequest,
    matchApi: () => null,
    admitHandshake: (_context, _socket, go) => go(),
    webSocket: proxy.handleUpgrade,
    httpApi: proxy.handleRequest,
    upstream: proxy,
    isDraining: () => false,
    maxOpenFiles: null,
    maxTcpConnectionsPerIp: null,
    isTrustedPeer: () => false,
    publicHealth: null,
    requestIdOf: () => "request-id",
    accessLog: noAccessLog,
    headersTimeoutMs: 60_000,
    requestTimeoutMs: 0,
    keepAliveTimeoutMs: 75_000,
    maxHeaderBytes: 32 * 1024,
    report(event) {
      if (event.kind === "request_refused") refused.push(event);
      if (event.kind === "handshake_misdirected") misdirected.push(event.reason);
    },
    ...door,
  });
  test.after(async () => {
    proxy.close();
    const closed = frontDoor.close();
    frontDoor.destroy();
    await closed;
  });
  return {
    port: await frontDoor.listen({ kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false }),
    proxy,
    outcomes,
    refused,
    misdirected,
    busy,
  };
}
