/** For tests: the front door with nothing behind it but the proxy. */

import type { Cleanup } from "./raw-http.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import type { SidecarEvent } from "../core/report.ts";
import type { Failure } from "../proxy/faults.ts";
import { createForwarding } from "../http/forwarded.ts";
import { guardRequest } from "../http/guard.ts";
import type { Refusal } from "../http/refusal.ts";
import {
  createUpstreamProxy,
  type UpstreamProxy,
  type UpstreamProxyOptions,
} from "../proxy/proxy.ts";
import { createFrontDoor, type FrontDoorOptions } from "../server.ts";

type Outcome = Omit<SidecarEvent<"proxy_finished">, "kind"> & Partial<Failure>;

export interface Front {
  readonly port: number;
  readonly proxy: UpstreamProxy;
  /** How every request reported so far ended. */
  readonly outcomes: readonly Outcome[];
  /** Every request refused so far. */
  readonly refused: readonly Refusal[];
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
  const refused: Refusal[] = [];
  const proxy = createUpstreamProxy({
    upstream:
      typeof upstream === "number" ? { kind: "tcp", host: "127.0.0.1", port: upstream } : upstream,
    forwarding: createForwarding({ trustedProxies }),
    connectTimeoutMs: 5_000,
    responseTimeoutMs: 30_000,
    maxBodyBytes: 0,
    isDraining: () => false,
    report(event) {
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
    pathPrefix: "",
    appIds: new Set(),
    guard: guardRequest,
    matchApi: () => null,
    webSocket: proxy.handleUpgrade,
    httpApi: proxy.handleRequest,
    upstream: proxy,
    isDraining: () => false,
    headersTimeoutMs: 60_000,
    requestTimeoutMs: 0,
    keepAliveTimeoutMs: 75_000,
    maxHeaderBytes: 32 * 1024,
    onRefused: (refusal) => refused.push(refusal),
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
  };
}
