/** Contradictions between options that are each well formed, and Laravel's options that ask for what is not here. */

import { parseUpstream } from "../upstream/address.ts";
import type { ConfigError } from "./errors.ts";
import type { Option } from "./option.ts";
import { options } from "./options.ts";
import { boolean } from "./parsers.ts";
import type { Reader } from "./reader.ts";
import type { Config } from "./shape.ts";
import { showDuration } from "./units.ts";

/** One contradiction: which options it is about (the first is to be changed), and what is wrong if it is there. */
interface Check {
  readonly about: readonly Option<unknown>[];
  readonly find: (config: Config) => string | null;
}

const checks: readonly Check[] = [
  {
    about: [options.pongWait, options.pingPeriod],
    find({ apps }) {
      const app = apps.find(({ pongWaitMs, pingPeriodMs }) => pongWaitMs <= pingPeriodMs);
      if (!app) return null;
      const [pong, ping] = [showDuration(app.pongWaitMs), showDuration(app.pingPeriodMs)];
      return `${pong} is not longer than the ping period (${ping}): every silent client would be closed before it can answer its ping. Leave it out, or set it above ${ping}.`;
    },
  },
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

/** Where a value could not be had, its fallback stands in: what contradicts that one is no second error. */
export function findConflicts(config: Config, reader: Reader): readonly ConfigError[] {
  const conflicts: ConfigError[] = [];
  for (const { about, find } of checks) {
    const message = about.some(reader.hasFailed) ? null : find(config);
    const name = about[0]?.env ?? "";
    if (message !== null) conflicts.push({ kind: "conflict", name, message });
  }
  if (isTrue(reader.readForeign("REVERB_SCALING_ENABLED"))) {
    const message =
      "scaling over Redis is not available in this version: events would not reach the clients of other nodes. Run one node, and set it to false.";
    conflicts.push({ kind: "conflict", name: "REVERB_SCALING_ENABLED", message });
  }
  return conflicts;
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
