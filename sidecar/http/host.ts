/** The host of a configured address: a name, or an IP address without brackets. */

const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Whether what listens there has all addresses of the machine. */
export function isEveryAddress(host: string): boolean {
  return everywhere.has(host);
}

/** Where a listener is reached from its own machine. */
export function reachableHost(host: string): string {
  if (!isEveryAddress(host)) return host;
  return host === "::" ? "::1" : "127.0.0.1";
}

/** As it stands in a URL, and in front of a port (RFC 3986 §3.2.2). */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
