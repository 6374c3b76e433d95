/** For tests: a real redis-server on loopback that forgets everything when it ends. */

import { onFreePort } from "../ports.ts";
import { createRedisFolder, startRedisProcess, type RedisProcess } from "./redis-process.ts";

export type RedisServer = RedisProcess;

export interface RedisOptions {
  /** @default a free one */
  readonly port?: number;
  /** Further arguments of redis-server, such as `["--maxclients", "10"]`; they win over our own. */
  readonly args?: readonly string[];
  readonly password?: string;
  /** Keeps an append-only file: what was acknowledged is still there after a restart. @default false */
  readonly isPersistent?: boolean;
}

/**
 * Starts redis-server on 127.0.0.1. It ends with this process, if nobody stops it before.
 * @throws its log, when it does not start
 */
export function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  if (options.port !== undefined) return startOn(options.port, options);
  return onFreePort((port) => startOn(port, options));
}

function startOn(port: number, options: RedisOptions): Promise<RedisServer> {
  const { args = [], password, isPersistent = false } = options;
  const folder = createRedisFolder();
  const settings: Readonly<Record<string, string>> = {
    port: String(port),
    bind: "127.0.0.1",
    "protected-mode": "no",
    dir: folder,
    save: "",
    appendonly: isPersistent ? "yes" : "no",
    // A master does not wait for its replicas before it ends …
    "shutdown-timeout": "0",
    // … nor for more of them before it sends its data, which a replica does not keep on its disk.
    "repl-diskless-sync-delay": "0",
    "rdb-del-sync-files": "yes",
    ...(password === undefined ? {} : { requirepass: password, masterauth: password }),
  };
  return startRedisProcess({
    port,
    password,
    folder,
    args: [...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]), ...args],
    readyLine: "Ready to accept connections",
  });
}
