/** The Pusher HTTP API below `/apps/{id}`: one table of routes, then authenticate, read, handle. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { andThen } from "../core/eventual.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { ApiRoute, SignatureRefusal } from "../core/report/api.ts";
import {
  parseTraceparent,
  traceparentField,
  type TraceContext,
  type Tracer,
} from "../core/trace.ts";
import type { RequestContext } from "../http/request-context.ts";
import { checkBody, checkQuery } from "./authenticate.ts";
import { countConnections, listChannels, listUsers, showChannel } from "./channels.ts";
import { publishBatch, publishEvent } from "./events.ts";
import type { ApiHandler } from "./handler.ts";
import { parseQuery } from "./query.ts";
import { bodyReplies, receiveBody, type UnreadBody } from "./receive-body.ts";
import { sendReply, text, type Reply } from "./reply.ts";
import { UnverifiedBodies } from "./unverified-bodies.ts";
import { terminateConnections } from "./users.ts";

interface Route {
  readonly method: "GET" | "POST";
  /** Below `/apps/{id}/`. */
  readonly path: ApiRoute;
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
  /** From a request's head to the last byte of its body. */
  readonly bodyTimeoutMs: number;
  /** Bytes of bodies, of all requests together, whose signature can be checked only once they are read. */
  readonly maxUnverifiedBodyBytes: number;
  /** Whom a body counts for until its signature was checked. */
  readonly visitorOf: (req: IncomingMessage) => string;
  readonly timestampToleranceSeconds: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Unix time. */
  readonly nowSeconds: () => number;
  /** Without it no traces are recorded. */
  readonly tracer?: Tracer | null;
}

/** A request that belongs to the API, found by its path. */
export interface ApiMatch {
  readonly appId: string;
  readonly route: MatchedRoute;
}

interface MatchedRoute {
  readonly path: ApiRoute;
  /** Routes that share this path, by method. */
  readonly handlers: ReadonlyMap<string, ApiHandler>;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of `/apps/{id}/…` (the path prefix taken off already); null if the API has none there. */
export function matchApiPath(path: string): ApiMatch | null {
  if (!path.startsWith("/apps/")) return null;
  const [appId, ...rest] = path.slice("/apps/".length).split("/");
  if (!appId) return null;
  const route = matchRoute(rest);
  return route && { appId: decode(appId), route };
}

/** `signedPaths`: as sent, and without the configured prefix. */
export interface ApiTarget {
  readonly search: string;
  readonly signedPaths: readonly string[];
}

export interface HttpApi {
  /** Answers a matched request to the end, errors included. */
  readonly handle: (
    context: RequestContext,
    res: ServerResponse,
    match: ApiMatch,
    target: ApiTarget,
  ) => void;
  /** Memory taken now by bodies whose signature is still to be checked. */
  readonly unverifiedBodyBytes: () => number;
}

export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { hubs, broker, report, now, nowSeconds } = options;
  const unverifiedBodies = new UnverifiedBodies(options.maxUnverifiedBodyBytes);

  function answer(
    context: RequestContext,
    { appId, route }: ApiMatch,
    { search, signedPaths, startedMs }: ApiTarget & { readonly startedMs: number },
    done: (reply: Reply) => void,
  ): void {
    const { req } = context;
    const hub = hubs.get(appId);
    if (!hub) {
      report({ kind: "api_app_unknown", sentAppId: appId });
      return done(text(404, `No matching application for ID [${appId}].`));
    }
    const method = req.method ?? "";
    // RFC 9110 §9.3.2; Node leaves the body out.
    const handler = route.handlers.get(method === "HEAD" ? "GET" : method);
    if (!handler) {
      const allow = [...route.handlers.keys()].join(", ");
      return done(text(405, "Method not allowed.", { Allow: allow }));
    }

    const query = parseQuery(search);
    const request = { method, paths: withDecoded(signedPaths), query };
    const check = checkQuery(hub.app, request, {
      nowSeconds: nowSeconds(),
      toleranceSeconds: options.timestampToleranceSeconds,
    });
    if (check.kind === "refused") return done(refuseSignature(appId, check.refusal));

    const unverified =
      check.kind === "signed"
        ? null
        : { budget: unverifiedBodies, visitor: options.visitorOf(req) };
    const { maxBodyBytes: maxBytes, bodyTimeoutMs: timeoutMs } = options;
    receiveBody(req, { maxBytes, timeoutMs, unverified }, (body) => {
      if (!body.ok) return done(refuseBody(appId, body.refusal));
      const refusal = checkBody(hub.app, request, check, body.bytes);
      if (refusal) return done(refuseSignature(appId, refusal));
      const { params, path } = route;
      // Only now is it known that it is the app's own.
      const span = options.tracer?.begin("api", traceOf(req), startedMs) ?? null;
      if (span) context.traceOf(span);
      const read = { params, query, body: body.bytes };
      void andThen(handler({ hub, broker, report, span, ...read, nowMs: now(), now }), (reply) => {
        span?.end({ appId, method, route: path, status: reply.status });
        done(reply);
      });
    });
  }

  function refuseSignature(appId: string, refusal: SignatureRefusal): Reply {
    report({ kind: "api_signature_refused", appId, reason: refusal });
    return text(401, "Authentication signature invalid.");
  }

  function refuseBody(appId: string, refusal: UnreadBody): Reply {
    if (refusal === "too_long") {
      report({ kind: "publish_refused", appId, reason: "payload_too_large" });
    } else if (refusal !== "cut") {
      report({ kind: "api_body_refused", appId, reason: refusal });
    }
    return bodyReplies[refusal];
  }

  return {
    handle(context, res, match, target) {
      const startedMs = now();
      answer(context, match, { ...target, startedMs }, (reply) => {
        const durationMs = now() - startedMs;
        const { path: route } = match.route;
        report({ kind: "api_request_finished", route, status: reply.status, durationMs });
        sendReply(context, res, reply);
      });
    },
    unverifiedBodyBytes: () => unverifiedBodies.bytes,
  };
}

/** The publisher's own span, if it has one. */
function traceOf({ headers }: IncomingMessage): TraceContext | null {
  return parseTraceparent(headers[traceparentField]?.toString());
}

/**
 * The Node and PHP SDKs sign a path as it was put together and send it percent-encoded: `/users/auth0|12/…` as
 * `/users/auth0%7C12/…`. Others sign what they send.
 */
function withDecoded(paths: readonly string[]): readonly string[] {
  if (!paths.some((path) => path.includes("%"))) return paths;
  return [...new Set([...paths, ...paths.map(decode)])];
}

/** The routes by path: its segments, and the handlers of the methods that it has. */
const paths = Map.groupBy(routes, ({ path }) => path)
  .entries()
  .map(([path, sharing]) => ({
    path,
    segments: path.split("/"),
    handlers: new Map(
      sharing.map(({ method, handler }): [string, ApiHandler] => [method, handler]),
    ),
  }))
  .toArray();

function matchRoute(segments: readonly string[]): MatchedRoute | null {
  for (const { path, segments: pattern, handlers } of paths) {
    const params = matchSegments(pattern, segments);
    if (params) return { path, handlers, params };
  }
  return null;
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{") && segment !== "") {
      params[part.slice(1, -1)] = decode(segment);
    } else if (part !== segment) {
      return null;
    }
  }
  return params;
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
