/** IP addresses as text: one spelling for each. */

import { isIP, isIPv4, SocketAddress } from "node:net";

/**
 * One spelling per address, so that it can be compared and counted: `::ffff:1.2.3.4` is `1.2.3.4`, zone ids go,
 * IPv6 is lower case and compressed (RFC 5952). Accepts what proxies write into X-Forwarded-For, ports included:
 * `1.2.3.4:5678`, `[::1]`, `[::1]:5678`. Undefined if it is no address.
 */
export function normaliseIp(text: string): string | undefined {
  const bare = withoutPort(text.trim()).replace(/%.*$/s, "");
  if (isIP(bare) === 4) return bare;
  if (isIP(bare) !== 6) return undefined;
  const canonical = new SocketAddress({ address: bare, family: "ipv6" }).address;
  const mapped = /^::ffff:([\d.]+)$/.exec(canonical)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : canonical;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
