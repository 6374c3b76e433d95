/** Contradictions between options that are each well formed, and names that the environment must not have. */

import { findAppConflicts } from "./app.ts";
import { findIn, type Check } from "./check.ts";
import type { ConfigError } from "../errors.ts";
import { table } from "../table/table.ts";
import { upstreamAddress } from "../parsers/addresses.ts";
import { boolean } from "../parsers/parser.ts";
import type { Reader } from "../sources/reader.ts";
import type { FoundRedis } from "../redis.ts";
import { findBroadcastConflicts } from "./redis-broadcasts.ts";
import { checksOfRecovery } from "./recovery.ts";
import { findRedisConflicts } from "./redis.ts";
import { checksOfWorkers } from "./workers.ts";
import type { Config } from "../derive.ts";
import { showDuration } from "../../core/duration.ts";
import { isEveryAddress } from "../../http/host.ts";

const { admin, app, server, upstream } = table;

const checksOfNode: readonly Check<Config>[] = [
  {
    about: [server.drainWindowMs, server.shutdownTimeoutMs],
    find({ server: { drainWindowMs, shutdownTimeoutMs } }) {
      if (drainWindowMs < shutdownTimeoutMs) return null;
      const [window, timeout] = [showDuration(drainWindowMs), showDuration(shutdownTimeoutMs)];
      return `${window} is not shorter than the shutdown timeout (POGO_SHUTDOWN_TIMEOUT, ${timeout}): WebSockets would be cut instead of closed. Leave it out, or set it below ${timeout}.`;
    },
  },
  {
    about: [admin.port, server.port, server.host, admin.host],
    find({ server, admin }) {
      const { host } = server;
      const isShared =
        host.kind === "tcp" && admin.port === server.port && overlap(host.host, admin.host);
      return isShared && server.port !== 0
        ? `${admin.port} is the port of everything else too (POGO_PORT); give the admin port another one.`
        : null;
    },
  },
  {
    about: [server.isApiOnlyOnSocket, server.apiSocket],
    find: ({ server: { isApiOnlyOnSocket, apiSocket } }) =>
      isApiOnlyOnSocket && apiSocket === null
        ? "there is no socket for it: nobody could publish. Set POGO_API_SOCKET to its path, or leave it out."
        : null,
  },
  {
    about: [server.apiSocket, server.host],
    find: ({ server: { apiSocket, host } }) =>
      host.kind === "unix" && host.path === apiSocket
        ? `${apiSocket} is the socket of everything (POGO_HOST), which serves the HTTP API too. Leave it out, or give it another path.`
        : null,
  },
  {
    about: [upstream.address, server.apiSocket],
    find: ({ server: { apiSocket }, upstream: { address } }) =>
      address?.kind === "unix" && address.socketPath === apiSocket
        ? `${upstreamAddress.show(address)} is the sidecar itself (POGO_API_SOCKET). Set it to where the PHP application listens.`
        : null,
  },
  {
    about: [upstream.address, server.port, server.host],
    find({ server, upstream }) {
      const { address } = upstream;
      if (address?.kind === "unix" && server.host.kind === "unix") {
        return address.socketPath === server.host.path
          ? `${upstreamAddress.show(address)} is the sidecar itself (POGO_HOST): requests would go round in circles. Set it to where the PHP application listens.`
          : null;
      }
      if (address?.kind !== "tcp" || server.host.kind !== "tcp") return null;
      const { host, port } = address;
      return port === server.port && isThisMachine(host) && overlap(server.host.host, host)
        ? `${upstreamAddress.show(address)} is the sidecar itself (its port is ${port}): requests would go round in circles. Set it to where the PHP application listens.`
        : null;
    },
  },
];

export function findConflicts({
  config,
  redis,
  reader,
}: {
  config: Config;
  redis: FoundRedis;
  reader: Reader;
}): readonly ConfigError[] {
  const conflicts = [
    ...findIn([...checksOfNode, ...checksOfWorkers, ...checksOfRecovery], config, reader),
    ...findRedisConflicts(redis, reader),
    ...findBroadcastConflicts(reader),
    ...findBesideApps(reader),
  ];
  const hasUpstream = config.upstream.address !== null;
  for (const [index, scope] of reader.apps.entries()) {
    const app = config.apps[index];
    if (!app) continue;
    const before = config.apps.slice(0, index);
    conflicts.push(...findAppConflicts(app, scope, { before, hasUpstream }));
  }
  if (isTrue(reader.readForeign("FORCE_FETCH_PATH"))) {
    const message =
      "the proxy's library would answer with fetch: no HEAD, redirects followed, cookies joined. Leave it out of this process's environment.";
    conflicts.push({ kind: "conflict", name: "FORCE_FETCH_PATH", message });
  }
  return conflicts;
}

/** Laravel's `.env` may name one of the apps; whoever names one in our words expects it to be served. */
function findBesideApps({ appsFile, namesGiven }: Reader): readonly ConfigError[] {
  if (appsFile === null) return [];
  const message = `the apps are those under apps in ${appsFile}. Leave it out, or move the app there.`;
  return [app.id, app.key, app.secret]
    .flatMap(namesGiven)
    .map((name) => ({ kind: "conflict", name, message }));
}

function isTrue(text: string | undefined): boolean {
  const parsed = boolean.parse(text?.trim() ?? "");
  return parsed.ok && parsed.value;
}

/** An address of the machine itself, whatever else it has. */
export function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.") || isEveryAddress(host);
}

/** Whether what listens on one address is reached at the other. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one, other].map((host) => (host === "localhost" ? "127.0.0.1" : host));
  return a === b || [one, other].some(isEveryAddress);
}
