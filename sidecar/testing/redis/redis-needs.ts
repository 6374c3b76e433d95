/** For tests: says whether the machine has a redis-server that will do. */

import { execFileSync } from "node:child_process";
import { commandPath, lacking } from "../needs.ts";

/** For `{ skip: needsRedis() }`: false when it has, else the reason. On CI a lack throws. */
export function needsRedis(): string | false {
  if (commandPath("redis-server") === undefined) return lacking("redis-server is not installed");
  const version = execFileSync("redis-server", ["--version"], { encoding: "utf8" });
  // Redis 7 brought sharded pub/sub, and a port of one's choice for the cluster bus.
  if (Number(/ v=(\d+)\./.exec(version)?.[1]) >= 7) return false;
  return lacking(`redis-server is older than version 7 (${version.trim()})`);
}
