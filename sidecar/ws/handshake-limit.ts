/** How many handshakes one client IP may make: a token bucket each, forgotten when it has long been full. */

import { LRUCache } from "lru-cache";
import type { Rate } from "../core/app.ts";
import { TokenBucket } from "../core/rate-limit.ts";

/** Bounds the memory; past it the bucket that was used the longest ago is forgotten. */
const maxClientIps = 50_000;

export function createHandshakeLimit(rate: Rate): (clientIp: string, nowMs: number) => boolean {
  const buckets = new LRUCache<string, TokenBucket>({ max: maxClientIps });
  return (clientIp, nowMs) => {
    let bucket = buckets.get(clientIp);
    if (!bucket) {
      bucket = new TokenBucket(rate, nowMs);
      buckets.set(clientIp, bucket);
    }
    return bucket.tryTake(nowMs);
  };
}
