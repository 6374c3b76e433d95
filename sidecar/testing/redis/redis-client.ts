/** For tests: connections to Redis that do not come back by themselves, so that a test sees what was lost. */

import { Redis, type RedisOptions } from "ioredis";
import type { Cleanup } from "../raw-http.ts";

/** Without the one option whose type depends on the client's own. */
export type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** A connection until the test ends. It says that it broke by "close", and by what its commands reject with. */
export function connectRedis(test: Cleanup, port: number, options: ClientOptions = {}): Redis {
  const redis = create(port, options);
  test.after(() => redis.disconnect());
  return redis;
}

/** One command on a connection of its own. @throws too when there is no answer within two seconds */
export async function askRedis(port: number, command: string, ...args: string[]): Promise<unknown> {
  const redis = create(port, { commandTimeout: 2_000, connectTimeout: 2_000 });
  try {
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

function create(port: number, options: ClientOptions): Redis {
  const redis = new Redis({
    host: "127.0.0.1",
    port,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    // A paused Redis does not answer the end of a connection.
    disconnectTimeout: 100,
    ...options,
  });
  redis.on("error", () => undefined);
  return redis;
}
