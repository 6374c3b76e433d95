/** The one table that says who handles a request. */

import type { ApiMatch } from "./http-api/router.ts";
import { reverbHealth, type HealthAnswer } from "./public-health.ts";

export type Destination =
  | { readonly kind: "ws"; readonly appKey: string; readonly recoveryToken: string | null }
  /** Where the WebSockets of an app are, but the request is no handshake. */
  | { readonly kind: "upgrade-required" }
  | { readonly kind: "http-api"; readonly match: ApiMatch; readonly signedPaths: readonly string[] }
  /** The API, at a door that does not serve it. */
  | { readonly kind: "http-api-elsewhere" }
  | { readonly kind: "health"; readonly answer: () => HealthAnswer }
  | { readonly kind: "upstream" };

/** Where a request came in: at the address of everything, which may leave the API to its own; or there. */
export type Door = "everything" | "everything_but_api" | "api";

export interface RouteOptions {
  readonly door: Door;
  /** In front of `/app` and `/apps`; empty or `/…` without a slash at the end. */
  readonly pathPrefix: string;
  readonly appIds: ReadonlySet<string>;
  readonly appIdsByKey: ReadonlyMap<string, string>;
  readonly matchApi: (path: string) => ApiMatch | null;
  /** Null: stand-alone, in the place of Reverb. */
  readonly upstream: object | null;
  /** Answers `/up` and `/pogo/health`, in front of the app; null: they are the app's. */
  readonly publicHealth: (() => HealthAnswer) | null;
}

/**
 * Who handles a request, by the bytes of its path and nothing else: no decoding, no `..`, no joining of slashes,
 * so that what is decided here is what the upstream would see.
 */
export function decide(
  path: string,
  search: string,
  isUpgrade: boolean,
  options: RouteOptions,
): Destination {
  const { door, pathPrefix, upstream, publicHealth } = options;
  if (publicHealth && !isUpgrade && healthPaths.has(path)) {
    return { kind: "health", answer: publicHealth };
  }
  if (!path.startsWith(`${pathPrefix}/`)) return { kind: "upstream" };
  const inner = path.slice(pathPrefix.length);

  const { token: recoveryToken = null, key: appKey } = webSocketPath.exec(inner)?.groups ?? {};
  const isWebSocket = appKey !== undefined && door !== "api";
  if (isUpgrade) return isWebSocket ? { kind: "ws", appKey, recoveryToken } : { kind: "upstream" };
  if (isWebSocket && options.appIdsByKey.has(appKey)) return { kind: "upgrade-required" };

  const match = options.matchApi(inner);
  if (match && (options.appIds.has(match.appId) || isSigned(search) || !upstream)) {
    if (door === "everything_but_api") return { kind: "http-api-elsewhere" };
    return { kind: "http-api", match, signedPaths: path === inner ? [path] : [path, inner] };
  }
  if (!upstream && inner === "/up") return { kind: "health", answer: reverbHealth };
  return { kind: "upstream" };
}

/**
 * Of a WebSocket. A token may stand before it, by which its client is recognized when it comes back: a UUID is long
 * enough, and what could be guessed is none. It may with recovery off, too: pages that have it must go on to connect.
 */
const webSocketPath = /^(?:\/r\/(?<token>[\w-]{16,64}))?\/app\/(?<key>[^/]+)$/;

/** The original's, whatever the prefix of the rest is. */
const healthPaths: ReadonlySet<string> = new Set(["/up", "/pogo/health"]);

/** A publisher with a wrong app id is told so, instead of getting a page of the app. */
function isSigned(search: string): boolean {
  return /(^|&)auth_signature=/.test(search);
}

/** What is wrong with a request that goes to the app but was to be a WebSocket of one of these; null: it is none. */
export function misdirection(
  path: string,
  request: { readonly isUpgrade: boolean; readonly hasWebSocketKey: boolean },
  appIdsByKey: ReadonlyMap<string, string>,
): { readonly appId: string; readonly reason: "no_upgrade" | "path" } | null {
  if (!request.hasWebSocketKey || !path.includes("/app/")) return null;
  const appId = appIdsByKey.get(path.slice(path.lastIndexOf("/") + 1));
  if (appId === undefined) return null;
  return { appId, reason: request.isUpgrade ? "path" : "no_upgrade" };
}

export function splitTarget(target: string): { path: string; search: string } {
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, search: "" }
    : { path: target.slice(0, mark), search: target.slice(mark + 1) };
}
