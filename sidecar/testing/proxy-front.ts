/** For tests: a front door with nothing behind it but the proxy, wired as the real one is. */

import { createServer } from "node:http";
import { listen, type Cleanup } from "./raw-http.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { answerPlainly, answerUpgradePlainly } from "../http/plain-answer.ts";
import type { ProxyOutcome } from "../proxy/faults.ts";
import { createForwarding } from "../http/forwarded.ts";
import { guardRequest } from "../http/guard.ts";
import { recordPeers } from "../http/peer.ts";
import {
  createUpstreamProxy,
  type UpstreamProxy,
  type UpstreamProxyOptions,
} from "../proxy/proxy.ts";

export interface Front {
  readonly port: number;
  readonly proxy: UpstreamProxy;
  /** Every outcome reported so far. */
  readonly outcomes: readonly ProxyOutcome[];
}

/** @param upstream a port of 127.0.0.1, or an address. */
export async function startFront(
  test: Cleanup,
  upstream: number | UpstreamAddress,
  overrides: Partial<UpstreamProxyOptions> & { trustedProxies?: readonly string[] } = {},
): Promise<Front> {
  const { trustedProxies = [], ...options } = overrides;
  const outcomes: ProxyOutcome[] = [];
  const proxy = createUpstreamProxy({
    upstream:
      typeof upstream === "number" ? { kind: "tcp", host: "127.0.0.1", port: upstream } : upstream,
    forwarding: createForwarding({ trustedProxies }),
    connectTimeoutMs: 5_000,
    responseTimeoutMs: 30_000,
    maxBodyBytes: 0,
    isDraining: () => false,
    onFinished: (outcome) => outcomes.push(outcome),
    ...options,
  });

  const server = createServer({
    shouldUpgradeCallback: (req) => /^websocket$/i.test(req.headers.upgrade ?? ""),
  });
  recordPeers(server);
  server.on("request", (req, res) => {
    const guarded = guardRequest(req);
    if (!guarded.ok) {
      res.shouldKeepAlive = false;
      return answerPlainly(req, res, { status: guarded.status, text: `${guarded.reason}\n` });
    }
    req.url = guarded.target;
    proxy.handleRequest(req, res);
  });
  server.on("upgrade", (req, socket, head) => {
    socket.on("error", () => socket.destroy());
    const guarded = guardRequest(req);
    if (!guarded.ok) {
      const text = `${guarded.reason}\n`;
      return answerUpgradePlainly(socket, { status: guarded.status, text });
    }
    req.url = guarded.target;
    proxy.handleUpgrade(req, socket, head);
  });

  test.after(() => proxy.close());
  return { port: await listen(test, server), proxy, outcomes };
}
