/** Who the client is, and what the upstream is told about it: X-Forwarded-*, and which proxies are trusted. */

import { BlockList, isIP, isIPv4 } from "node:net";
import { LRUCache } from "lru-cache";
import type { Handshake } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import { parseTraceparent, traceparentField, type TraceContext } from "../core/trace.ts";
import { isAuthority } from "./authority.ts";
import { isPrivateIp, normaliseIp } from "./ip-address.ts";
import { fieldsOf, listOf, valueOf } from "./headers.ts";

export interface Forwarding {
  /**
   * Address of the client: the rightmost one that is not a trusted proxy's, read from X-Forwarded-For only as far as
   * trusted proxies wrote it. Spelt as `normaliseIp` does; `unix` for a peer without an address.
   */
  clientIp(peer: Handshake): string;
  /** It speaks for its clients, and is believed. */
  isTrusted(peer: Handshake): boolean;
  /** The host the client asked for: Host, or X-Forwarded-Host where a trusted proxy says so. */
  host(peer: Handshake): string | undefined;
  /** How the client asked, as far as it is known: what a trusted proxy says in X-Forwarded-Proto. */
  scheme(peer: Handshake): "http" | "https" | undefined;
  /** The id that a trusted proxy gave the request, if it is one that can be passed on. */
  requestId(peer: Handshake): string | undefined;
  /** The span that a trusted proxy names as the one in which the request was made; null: there is none. */
  trace(peer: Handshake): TraceContext | null;
  /** The fields that take the place of all that `isForwardingHeader` names. */
  headers(peer: Handshake): readonly (readonly [name: string, value: string])[];
}

/** In `trustedProxies`: a peer on a unix socket, which has no address. */
const unixPeer = "unix";

/**
 * @param options.trustedProxies IPs and CIDR ranges whose X-Forwarded-* are believed; `unix` for peers on a unix
 *   socket. With none, nobody is believed.
 * @param options.report Of the first peer that is not trusted and sends X-Forwarded-For or -Proto, and of the first one in a
 *   private network: that one is likely to be a proxy which nobody has listed.
 * @throws Error naming an entry that is none of these.
 */
export function createForwarding(options: {
  readonly trustedProxies: readonly string[];
  readonly report?: Report;
}): Forwarding {
  const isTrustedAddress = createTrust(options.trustedProxies);
  const reportIgnored = createIgnoredReport(options.report ?? null);
  const peers = new LRUCache<string, Peer>({ max: maxPeers });

  /** What is known of a peer by its address; the same few come again and again. */
  function assess({ remoteAddress }: Handshake): Peer {
    const known = peers.get(remoteAddress);
    if (known) return known;
    const address = normaliseIp(remoteAddress);
    const peer = { address, isTrusted: isTrustedAddress(address ?? unixPeer) };
    peers.set(remoteAddress, peer);
    return peer;
  }

  function clientIp(peer: Handshake): string {
    const { address, isTrusted: isPeerTrusted } = assess(peer);
    let nearest = address ?? unixPeer;
    if (!isPeerTrusted) {
      reportIgnored(peer, nearest);
      return nearest;
    }
    for (const hop of listOf(peer.rawHeaders, "x-forwarded-for").toReversed()) {
      const address = normaliseIp(hop);
      // Not an address ("unknown"): nothing to the left of it can be attributed to anybody.
      if (address === undefined) return nearest;
      nearest = address;
      if (!isTrustedAddress(nearest)) return nearest;
    }
    return nearest;
  }

  function host(peer: Handshake): string | undefined {
    const forwarded = assess(peer).isTrusted
      ? listOf(peer.rawHeaders, "x-forwarded-host")[0]
      : undefined;
    if (forwarded !== undefined && isAuthority(forwarded)) return forwarded;
    return valueOf(peer.rawHeaders, "host");
  }

  function headers(peer: Handshake): (readonly [string, string])[] {
    const { address, isTrusted: trusted } = assess(peer);
    if (!trusted) reportIgnored(peer, address ?? unixPeer);
    const via = trusted ? listOf(peer.rawHeaders, "x-forwarded-for") : [];
    const chain = address === undefined ? via : [...via, address];
    const asked = host(peer);

    const fields: (readonly [string, string])[] = [];
    if (chain.length > 0) fields.push(["X-Forwarded-For", chain.join(", ")]);
    fields.push(["X-Forwarded-Proto", scheme(peer) ?? "http"]);
    if (asked !== undefined) fields.push(["X-Forwarded-Host", asked]);
    if (trusted) fields.push(...otherForwardingFields(peer));
    return fields;
  }

  const scheme = (peer: Handshake) => (assess(peer).isTrusted ? forwardedProto(peer) : undefined);

  function requestId(peer: Handshake): string | undefined {
    if (!assess(peer).isTrusted) return undefined;
    const id = valueOf(peer.rawHeaders, "x-request-id");
    return id !== undefined && /^[\w.:+/=@-]{1,128}$/.test(id) ? id : undefined;
  }

  const trace = (peer: Handshake) =>
    assess(peer).isTrusted ? parseTraceparent(valueOf(peer.rawHeaders, traceparentField)) : null;

  const isTrusted = (peer: Handshake): boolean => assess(peer).isTrusted;

  return { clientIp, isTrusted, host, scheme, requestId, trace, headers };
}

interface Peer {
  readonly address: string | undefined;
  readonly isTrusted: boolean;
}

/** Bounds the memory; past it the peer that was seen the longest ago is assessed anew. */
const maxPeers = 1_000;

/** Fields that say who the client is; whoever sends them to us is believed only if trusted. `name` in lower case. */
export function isForwardingHeader(name: string): boolean {
  return name.startsWith("x-forwarded-") || name === "forwarded" || name === "x-real-ip";
}

/** At most two reports in a process, so that nobody fills the log. A visitor's own address is not reported. */
function createIgnoredReport(report: Report | null): (peer: Handshake, address: string) => void {
  const unreported = new Set(["private", "public"]);
  return (peer, address) => {
    if (!report || unreported.size === 0) return;
    const { rawHeaders } = peer;
    const sent = valueOf(rawHeaders, "x-forwarded-for") ?? valueOf(rawHeaders, "x-forwarded-proto");
    if (sent === undefined) return;
    const isNear = address === unixPeer || isPrivateIp(address);
    const from = isNear ? "private" : "public";
    if (!unreported.delete(from)) return;
    report({ kind: "forwarded_for_ignored", peer: isNear ? address : null });
  };
}

function createTrust(entries: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList();
  for (const entry of entries) {
    if (entry !== unixPeer) addEntry(trusted, entry);
  }
  const trustsUnix = entries.includes(unixPeer);
  return (address) =>
    isIP(address) === 0 ? trustsUnix : trusted.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function addEntry(trusted: BlockList, entry: string): void {
  const [network = "", prefix] = entry.split("/", 2);
  const family = isIP(network) === 4 ? "ipv4" : "ipv6";
  const maxBits = family === "ipv4" ? 32 : 128;
  const bits = prefix === undefined ? maxBits : Number(prefix);
  const isNetwork = isIP(network) !== 0 && !network.includes("%") && entry.split("/").length <= 2;
  if (!isNetwork || !/^\d*$/.test(prefix ?? "") || prefix === "" || bits > maxBits) {
    throw new Error(
      `trusted proxy ${JSON.stringify(entry)} is neither an IP address, nor a CIDR range such as 10.0.0.0/8, nor "unix"`,
    );
  }
  trusted.addSubnet(network, bits, family);
}

/**
 * The scheme a trusted proxy reports. Of a list the first, as Laravel reads it; a WebSocket's ws and wss are the
 * http and https it was opened with, and Laravel takes anything but `https` for insecure.
 */
function forwardedProto(peer: Handshake): "http" | "https" | undefined {
  switch (listOf(peer.rawHeaders, "x-forwarded-proto")[0]?.toLowerCase()) {
    case "https":
    case "wss":
      return "https";
    case "http":
    case "ws":
      return "http";
    default:
      return undefined;
  }
}

/** X-Forwarded-Port, -Prefix, X-Real-IP …: as a trusted proxy sent them, none invented. */
function otherForwardingFields(peer: Handshake): (readonly [string, string])[] {
  return [...fieldsOf(peer.rawHeaders)].filter(([name]) => {
    const lowerCase = name.toLowerCase();
    return isForwardingHeader(lowerCase) && !replaced.has(lowerCase);
  });
}

/** `Forwarded` (RFC 7239) would contradict the chain that we extend in X-Forwarded-For, so it always goes. */
const replaced: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
]);
