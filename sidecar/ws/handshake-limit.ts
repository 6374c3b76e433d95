/** How many handshakes one client IP may make: a token bucket each, those used the longest ago forgotten. */

import { LRUCache } from "lru-cache";
import type { Rate } from "../core/app.ts";
import { TokenBucket } from "../core/rate-limit.ts";

/** Bounds the memory; past it the bucket that was used the longest ago is forgotten. */
const maxClientIps = 50_000;

export function createHandshakeLimit(rate: Rate): (clientIp: string, nowMs: number) => boolean {
  const buckets = new LRUCache<string, TokenBucket>({ max: maxClientIps });
  return (clientIp, nowMs) => {
    const network = networkOf(clientIp);
    let bucket = buckets.get(network);
    if (!bucket) {
      bucket = new TokenBucket(rate, nowMs);
      buckets.set(network, bucket);
    }
    return bucket.tryTake(nowMs);
  };
}

/** Whoever has one IPv6 address has all of its /64 (RFC 4291 §2.5.1), and could come from another one every time. */
function networkOf(clientIp: string): string {
  if (!clientIp.includes(":")) return clientIp;
  const [left = [], right = []] = clientIp
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
