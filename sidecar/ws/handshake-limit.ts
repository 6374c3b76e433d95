/** How many handshakes one client IP may make: a token bucket each, those used the longest ago forgotten. */

import { LRUCache } from "lru-cache";
import type { Rate } from "../core/app.ts";
import { TokenBucket } from "../core/rate-limit.ts";
import { visitorOf } from "../http/visitor.ts";

/** Bounds the memory; past it the bucket that was used the longest ago is forgotten. */
const maxClientIps = 50_000;

export function createHandshakeLimit(rate: Rate): (clientIp: string, nowMs: number) => boolean {
  const buckets = new LRUCache<string, TokenBucket>({ max: maxClientIps });
  return (clientIp, nowMs) => {
    const visitor = visitorOf(clientIp);
    let bucket = buckets.get(visitor);
    if (!bucket) {
      bucket = new TokenBucket(rate, nowMs);
      buckets.set(visitor, bucket);
    }
    return bucket.tryTake(nowMs);
  };
}
