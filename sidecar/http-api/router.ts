/** The Pusher HTTP API below `/apps/{id}`: one table of routes, then authenticate, read, handle. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import { checkSignedRequest } from "./authenticate.ts";
import { readBody } from "./body.ts";
import { countConnections, listChannels, listUsers, showChannel } from "./channels.ts";
import { publishBatch, publishEvent } from "./events.ts";
import type { ApiHandler } from "./handler.ts";
import { parseQuery } from "./query.ts";
import { sendReply, text, type Reply } from "./reply.ts";
import { terminateConnections } from "./users.ts";

interface Route {
  readonly method: "GET" | "POST";
  /** Below `/apps/{id}/`. */
  readonly path: string;
  readonly handler: ApiHandler;
}

const routes: readonly Route[] = [
  { method: "POST", path: "events", handler: publishEvent },
  { method: "POST", path: "batch_events", handler: publishBatch },
  { method: "GET", path: "channels", handler: listChannels },
  { method: "GET", path: "channels/{channel}", handler: showChannel },
  { method: "GET", path: "channels/{channel}/users", handler: listUsers },
  { method: "GET", path: "connections", handler: countConnections },
  {
    method: "POST",
    path: "users/{user}/terminate_connections",
    handler: terminateConnections,
  },
];

export interface HttpApiOptions {
  /** By app id. */
  readonly hubs: ReadonlyMap<string, Hub>;
  readonly broker: Broker;
  readonly report: Report;
  readonly maxBodyBytes: number;
  readonly timestampToleranceSeconds: number;
  /** Unix time. */
  readonly nowSeconds: () => number;
}

/** A request that belongs to the API, found by its path. */
export interface ApiMatch {
  readonly appId: string;
  readonly route: MatchedRoute;
}

interface MatchedRoute {
  /** Routes that share this path, by method. */
  readonly handlers: ReadonlyMap<string, ApiHandler>;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of `/apps/{id}/…` (the path prefix taken off already); null if the API has none there. */
export function matchApiPath(path: string): ApiMatch | null {
  const [root, apps, appId, ...rest] = path.split("/");
  if (root !== "" || apps !== "apps" || !appId) return null;
  const route = matchRoute(rest);
  return route && { appId: decodeSegment(appId), route };
}

/** Handles a matched request to the end, errors included. `signedPaths`: see `SignedRequest.paths`. */
export async function handleApiRequest(
  req: IncomingMessage,
  res: ServerResponse,
  match: ApiMatch,
  target: { search: string; signedPaths: readonly string[] },
  options: HttpApiOptions,
): Promise<void> {
  const reply = await answer(req, match, target, options);
  // An unread body can't be told from the next request; and a client that sends too much may be stopped.
  if (!req.complete) res.setHeader("Connection", "close");
  if (!res.destroyed) sendReply(res, reply);
}

async function answer(
  req: IncomingMessage,
  { appId, route }: ApiMatch,
  { search, signedPaths }: { search: string; signedPaths: readonly string[] },
  options: HttpApiOptions,
): Promise<Reply> {
  const hub = options.hubs.get(appId);
  if (!hub) return text(404, `No matching application for ID [${appId}].`);
  const method = req.method ?? "";
  // RFC 9110 §9.3.2; Node leaves the body out.
  const handler = route.handlers.get(method === "HEAD" ? "GET" : method);
  if (!handler) {
    const allow = [...route.handlers.keys()].join(", ");
    return text(405, "Method not allowed.", { Allow: allow });
  }
  const body = await readBody(req, options.maxBodyBytes);
  if (!body) {
    const reason = "payload_too_large";
    if (method === "POST") options.report({ kind: "publish_refused", appId, reason });
    return text(413, "Payload too large.");
  }

  const query = parseQuery(search);
  const refusal = checkSignedRequest(
    hub.app,
    { method, paths: signedPaths, query, body },
    { nowSeconds: options.nowSeconds(), toleranceSeconds: options.timestampToleranceSeconds },
  );
  if (refusal) {
    options.report({ kind: "api_signature_refused", appId, reason: refusal });
    return text(401, "Authentication signature invalid.");
  }
  const { broker, report } = options;
  const nowMs = options.nowSeconds() * 1000;
  return handler({ hub, broker, report, params: route.params, query, body, nowMs });
}

function matchRoute(segments: readonly string[]): MatchedRoute | null {
  const handlers = new Map<string, ApiHandler>();
  let params: Record<string, string> = {};
  for (const { method, path, handler } of routes) {
    const found = matchSegments(path.split("/"), segments);
    if (!found) continue;
    handlers.set(method, handler);
    params = found;
  }
  return handlers.size > 0 ? { handlers, params } : null;
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{")) {
      if (segment === "") return null;
      params[part.slice(1, -1)] = decodeSegment(segment);
    } else if (part !== segment) {
      return null;
    }
  }
  return params;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
