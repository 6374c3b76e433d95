/** Contradictions between options that are each well formed, and what the environment must not have. */

import { parseUpstream } from "../http/upstream-address.ts";
import { findAppConflicts } from "./app-conflicts.ts";
import { findIn, type Check } from "./conflict-check.ts";
import type { ConfigError } from "./errors.ts";
import { options } from "./options.ts";
import { boolean } from "./parsers.ts";
import type { Reader } from "./reader.ts";
import { findRedisConflicts } from "./redis-conflicts.ts";
import type { Config } from "./shape.ts";
import { showDuration } from "./units.ts";

const checksOfNode: readonly Check<Config>[] = [
  {
    about: [options.authBreakerFailures, options.maxAuthFailures],
    find({ authorizer: { breaker, perConnection } }) {
      const { maxFailures } = perConnection;
      return breaker.failures > maxFailures
        ? null
        : `${breaker.failures} is not above the failures of one connection (POGO_MAX_AUTH_FAILURES, ${maxFailures}): one client could open the breaker for all by itself. Set it to ${maxFailures + 1} or more, or lower the other.`;
    },
  },
  {
    about: [options.drainWindow, options.shutdownTimeout],
    find({ server: { drainWindowMs, shutdownTimeoutMs } }) {
      if (drainWindowMs < shutdownTimeoutMs) return null;
      const [window, timeout] = [showDuration(drainWindowMs), showDuration(shutdownTimeoutMs)];
      return `${window} is not shorter than the shutdown timeout (POGO_SHUTDOWN_TIMEOUT, ${timeout}): WebSockets would be cut instead of closed. Leave it out, or set it below ${timeout}.`;
    },
  },
  {
    about: [options.adminPort, options.port, options.host, options.adminHost],
    find({ server, admin }) {
      const isShared = admin.port === server.port && overlap(server.host, admin.host);
      return isShared && server.port !== 0
        ? `${admin.port} is the port of everything else too (POGO_PORT); give the admin port another one.`
        : null;
    },
  },
  {
    about: [options.upstream, options.port, options.host],
    find({ server, upstream }) {
      const parsed = upstream.address === null ? null : parseUpstream(upstream.address);
      if (!parsed?.ok || parsed.upstream.kind !== "tcp") return null;
      const { host, port } = parsed.upstream;
      return port === server.port && isThisMachine(host) && overlap(server.host, host)
        ? `${upstream.address} is the sidecar itself (its port is ${port}): requests would go round in circles. Set it to where the PHP application listens.`
        : null;
    },
  },
];

export function findConflicts(config: Config, reader: Reader): readonly ConfigError[] {
  const conflicts = [
    ...findIn(checksOfNode, config, reader),
    ...findRedisConflicts(reader),
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
  return [options.appId, options.appKey, options.appSecret]
    .flatMap(namesGiven)
    .map((name) => ({ kind: "conflict", name, message }));
}

function isTrue(text: string | undefined): boolean {
  const parsed = boolean.parse(text?.trim() ?? "");
  return parsed.ok && parsed.value;
}

const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.") || wildcards.has(host);
}

/** Whether what listens on one address is reached at the other. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one, other].map((host) => (host === "localhost" ? "127.0.0.1" : host));
  return a === b || [one, other].some((host) => wildcards.has(host));
}
