/** For tests: the HTTP API on a real port with one app, below the prefix `/ws` too. */

import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import Pusher from "pusher";
import type { App } from "../core/app.ts";
import { createTestNode } from "../core/testing/doubles.ts";
import { createSigner, type Call } from "../../test/kit/sign.ts";
import { listen, type Cleanup } from "./raw-http.ts";
import { createHttpApi, matchApiPath, type HttpApiOptions } from "../http-api/router.ts";
import { contextOf } from "./request-context.ts";

export type { Call } from "../../test/kit/sign.ts";

export const nowSeconds = Math.floor(Date.now() / 1000);

export async function startApi(
  test: Cleanup,
  { app, ...options }: Partial<HttpApiOptions> & { app?: Partial<App> } = {},
) {
  const node = createTestNode(app ? { app } : {});
  const api: HttpApiOptions = {
    hubs: new Map([[node.app.id, node.hub]]),
    broker: node.broker,
    report: node.reports.report,
    maxBodyBytes: 2_097_152,
    bodyTimeoutMs: 60_000,
    maxUnverifiedBodyBytes: 16_777_216,
    visitorOf: () => "visitor",
    timestampToleranceSeconds: 300,
    now: () => node.clock.nowMs,
    nowSeconds: () => nowSeconds,
    ...options,
  };
  const { handle, unverifiedBodyBytes } = createHttpApi(api);
  const server = createServer((req, res) => {
    const [path = "", search = ""] = (req.url ?? "").split("?");
    const inner = path.startsWith("/ws/") ? path.slice(3) : path;
    const match = matchApiPath(inner);
    if (!match) return void res.writeHead(418).end();
    handle(contextOf(req), res, match, { search, signedPaths: [path, inner] });
  });
  const port = await listen(test, server);
  const { id, key, secret } = node.app;
  const sdk = new Pusher({ appId: id, key, secret, host: "127.0.0.1", port: String(port) });
  const sign = createSigner(node.app);
  return {
    node,
    port,
    unverifiedBodyBytes,
    sdk,
    refusals: () => node.reports.of("api_signature_refused").map(({ reason }) => reason),
    bodyRefusals: () => node.reports.of("api_body_refused").map(({ reason }) => reason),
    sign,
    /** Signs by hand, as the SDKs do, and sends. */
    call(route: string, call: Call = {}) {
      const { method, target, body } = sign(route, call);
      return send(port, method, target, body);
    },
  };
}

/** @param where a port of 127.0.0.1, or the path of a Unix socket */
export async function send(where: number | string, method: string, target: string, body: string) {
  const address =
    typeof where === "number" ? { host: "127.0.0.1", port: where } : { socketPath: where };
  const req = httpRequest({ ...address, method, path: target, agent: false });
  req.end(body);
  const [res] = await once(req, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk);
  return { status: res.statusCode, headers: res.headers, text: Buffer.concat(chunks).toString() };
}
