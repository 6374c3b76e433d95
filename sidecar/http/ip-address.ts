/** IP addresses as text, with one spelling for each. */

import { BlockList, isIP, isIPv4, SocketAddress } from "node:net";

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

/** Whether only this machine reaches what listens on it: an address or a name. */
export function isLoopbackHost(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const address = normaliseIp(host);
  return (
    address !== undefined &&
    (address === "::1" || (isIP(address) === 4 && address.startsWith("127.")))
  );
}

/** Whether an address, spelt as `normaliseIp` does, is of this machine or of a private network (RFC 1918, 4193, 6598). */
export function isPrivateIp(address: string): boolean {
  return isIP(address) !== 0 && privateNetworks.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

const privateNetworks = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  privateNetworks.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const) {
  privateNetworks.addSubnet(network, bits, "ipv6");
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
