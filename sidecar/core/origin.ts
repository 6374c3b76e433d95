/** The Origin header (RFC 6454): from which page a connection comes, and whether that page is allowed. */

export interface Origin {
  /** Lower case. */
  readonly scheme: string;
  /** Lower case; IPv6 addresses keep their brackets. */
  readonly host: string;
  /** Null: the scheme's default. */
  readonly port: number | null;
}

/** Reads an Origin header; null if it is missing, opaque (`null`) or anything else than one origin. */
export function parseOrigin(header: string | undefined): Origin | null {
  const match = originPattern.exec(header ?? "");
  const [, scheme, host, portText] = match ?? [];
  if (scheme === undefined || host === undefined) return null;
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && port > 65_535) return null;
  const isDefaultPort = port === defaultPorts.get(scheme.toLowerCase());
  return {
    scheme: scheme.toLowerCase(),
    host: host.toLowerCase(),
    port: isDefaultPort ? null : port,
  };
}

/**
 * Whether a page of this origin may connect. `allowedOrigins` holds, as Reverb's `allowed_origins`, host names
 * and patterns with `*`, compared with the origin's host alone, or `*` for every page and for clients that
 * are none; beyond Reverb, whole origins (`https://app.test:8443`), compared with scheme, host and port.
 */
export function isOriginAllowed(
  allowedOrigins: readonly string[],
  originHeader: string | undefined,
): boolean {
  return allowedOrigins.includes("*") || isOneOf(allowedOrigins, parseOrigin(originHeader));
}

/** Whether this origin is named: as `isOriginAllowed`, but a `*` that takes every host does not count. */
export function isOriginListed(
  allowedOrigins: readonly string[],
  originHeader: string | undefined,
): boolean {
  const named = allowedOrigins.filter((allowed) => !everyHost.test(allowed));
  return isOneOf(named, parseOrigin(originHeader));
}

/**
 * Whether a page of this origin was served by `host` (a Host header: name and port). Whether Host was reached
 * by http or https may be unknown behind a proxy, so a Host without port is taken for the Origin's default.
 */
export function isOriginOfHost(originHeader: string | undefined, host: string): boolean {
  const origin = parseOrigin(originHeader);
  if (!origin) return false;
  const served = parseOrigin(`${origin.scheme}://${host}`);
  const isHostAlone = !host.endsWith("/");
  return isHostAlone && served?.host === origin.host && served.port === origin.port;
}

const originPattern =
  /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:,[\]\\]+)(?::([0-9]{1,5}))?\/?$/i;

const everyHost = /^([a-z]+:\/\/)?\*+$/i;

const defaultPorts: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["ws", 80],
  ["wss", 443],
]);

function isOneOf(patterns: readonly string[], origin: Origin | null): boolean {
  return origin !== null && patterns.some((pattern) => matchesOrigin(pattern, origin));
}

function matchesOrigin(pattern: string, origin: Origin): boolean {
  const whole = parseOrigin(pattern);
  if (!whole) return matchesText(pattern.toLowerCase(), origin.host);
  return (
    whole.scheme === origin.scheme &&
    whole.port === origin.port &&
    matchesText(whole.host, origin.host)
  );
}

/** `*` in the pattern stands for any text, dots and nothing included (Laravel: `Str::is`). */
function matchesText(pattern: string, text: string): boolean {
  const [start = "", ...parts] = pattern.split("*");
  const end = parts.pop();
  if (end === undefined) return text === pattern;
  if (!text.startsWith(start)) return false;
  let from = start.length;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return text.length - end.length >= from && text.endsWith(end);
}
