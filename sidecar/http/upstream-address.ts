/** Where the upstream is: a port or a Unix socket. */

import { urlHost } from "./host.ts";

export type UpstreamAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly socketPath: string };

export type ParsedUpstream =
  | { readonly ok: true; readonly upstream: UpstreamAddress }
  | { readonly ok: false; readonly error: string };

/**
 * Reads `http://host:port` (port 80 if left out) or `unix:/absolute/path`. There is no https: a sidecar's upstream
 * is on the same machine. There is no path either: what a client asks for is what the upstream gets.
 */
export function parseUpstream(text: string): ParsedUpstream {
  const socketPath = /^unix:(?:\/\/)?(\/.*)$/s.exec(text)?.[1];
  if (socketPath !== undefined) return { ok: true, upstream: { kind: "unix", socketPath } };

  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.protocol !== "http:" || !/^http:\/\//i.test(text)) return malformed(text);
  if (url.username !== "" || url.password !== "") {
    return { ok: false, error: "the upstream's URL can't hold credentials" };
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return { ok: false, error: `the upstream's URL ends after the port: ${url.origin}` };
  }
  // `[::1]`: brackets belong to the URL, not to the address.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 80 : Number(url.port);
  return port === 0 ? malformed(text) : { ok: true, upstream: { kind: "tcp", host, port } };
}

/** What `http.request` takes for it. */
export function toRequestOptions(
  address: UpstreamAddress,
): { readonly host: string; readonly port: number } | { readonly socketPath: string } {
  return address.kind === "unix"
    ? { socketPath: address.socketPath }
    : { host: address.host, port: address.port };
}

/** What `parseUpstream` reads. */
export function showUpstream(address: UpstreamAddress): string {
  if (address.kind === "unix") return `unix:${address.socketPath}`;
  return `http://${urlHost(address.host)}:${address.port}`;
}

function malformed(text: string): ParsedUpstream {
  return {
    ok: false,
    error: `${JSON.stringify(text)} is neither http://host:port nor unix:/path/of/a.sock`,
  };
}
