/** What several workers need, and what they cannot share. */

import type { Check } from "./check.ts";
import { table } from "../table/table.ts";
import type { Config } from "../derive.ts";

const { redis, server, workers } = table;

export const checksOfWorkers: readonly Check<Config>[] = [
  {
    about: [workers.count, redis.url, redis.host],
    find: ({ workers: { count }, redis }) =>
      count > 1 && !redis
        ? `${count} workers are ${count} nodes, and nothing joins them: an event would reach the clients of one. Set POGO_REDIS_HOST, or REVERB_SCALING_ENABLED=true beside REDIS_HOST; or leave POGO_WORKERS out.`
        : null,
  },
  {
    about: [server.host, workers.count],
    find: ({ workers: { count }, server: { host } }) =>
      count > 1 && host.kind === "unix"
        ? `${count} workers (POGO_WORKERS) can't share a Unix socket. Set an address and POGO_PORT, or leave POGO_WORKERS out.`
        : null,
  },
  {
    about: [server.port, workers.count],
    find: ({ workers: { count }, server: { host, port } }) =>
      count > 1 && host.kind === "tcp" && port === 0
        ? `${count} workers (POGO_WORKERS) have to share a port, and 0 gives each its own. Name one.`
        : null,
  },
];
