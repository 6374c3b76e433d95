/** What the deployment files are held against: the names, ports and durations of the sidecar itself. */

export interface Facts {
  /** Every environment name that the sidecar reads. */
  readonly optionNames: ReadonlySet<string>;
  /** Defaults of the option table. */
  readonly port: number;
  readonly adminPort: number;
  readonly upstream: string;
  readonly shutdownTimeoutSeconds: number;
  readonly maxConnections: number;
  /** Until an idle WebSocket is pinged. */
  readonly pingIntervalSeconds: number;
  /** Paths that the admin port answers. */
  readonly adminPaths: ReadonlySet<string>;
  /** Where the app is asked about subscribes without a signature. */
  readonly authPath: string;
  /** Names in `/metrics`. */
  readonly metricNames: ReadonlySet<string>;
  /** Commands of the command line. */
  readonly commands: ReadonlySet<string>;
}

/** Names that belong to Laravel, to Reverb in Laravel or to PHP, and that the sidecar has no use for. */
export const laravelNames: ReadonlySet<string> = new Set([
  "BROADCAST_CONNECTION",
  "LOG_CHANNEL",
  "PHP_CLI_SERVER_WORKERS",
  "REVERB_HOST",
  "REVERB_INTERNAL_HOST",
  "REVERB_INTERNAL_PORT",
  "REVERB_INTERNAL_SCHEME",
  "REVERB_PORT",
  "REVERB_SCHEME",
  "VITE_REVERB_APP_KEY",
  "VITE_REVERB_HOST",
  "VITE_REVERB_PORT",
  "VITE_REVERB_SCHEME",
  "VIEW_COMPILED_PATH",
]);

/** Names in a text, prose and comments included, that neither the sidecar nor Laravel knows. */
export function unknownNames(text: string, facts: Facts): readonly string[] {
  const named = text.match(/\b(?:VITE_)?(?:POGO|REVERB)_\w+/g) ?? [];
  return [...new Set(named)]
    .filter((name) => !name.endsWith("_")) // REVERB_APP_* stands for a group
    .filter((name) => !facts.optionNames.has(name) && !laravelNames.has(name))
    .map((name) => `${name} is no option`);
}

/** Paths on the admin port, in URLs of a text, that it does not answer. */
export function unknownAdminPaths(text: string, facts: Facts): readonly string[] {
  const paths = [...text.matchAll(/:(\d+)(\/[\w/-]+)/g)]
    .filter(([, port]) => Number(port) === facts.adminPort)
    .map(([, , path]) => path ?? "");
  return paths
    .filter((path) => !facts.adminPaths.has(path))
    .map((path) => `the admin port has no ${path}`);
}

/** Paths of Laravel's broadcasting routes in a text that the sidecar would not ask. */
export function unknownAuthPaths(text: string, facts: Facts): readonly string[] {
  const paths = text.match(/\/broadcasting\/[\w-]+/g) ?? [];
  return paths.filter((path) => path !== facts.authPath).map((path) => `nobody asks ${path}`);
}

/** Metrics in a text that are not there. */
export function unknownMetrics(text: string, facts: Facts): readonly string[] {
  const named = text.match(/\bpogo_\w+/g) ?? [];
  return named
    .filter((name) => !facts.metricNames.has(name))
    .map((name) => `there is no metric ${name}`);
}

/** Caddy's own, where it runs beside the sidecar, which has its default. */
const caddyAdminPort = 2020;

/** Ports of loopback URLs in a text at which neither the sidecar nor, by default, its upstream listens. */
export function unknownPorts(text: string, facts: Facts): readonly string[] {
  const own = [facts.port, facts.adminPort, Number(new URL(facts.upstream).port)];
  const known = new Set([...own, caddyAdminPort]);
  return [...text.matchAll(/\b(?:127\.0\.0\.1|localhost|0\.0\.0\.0):(\d+)/g)]
    .map(([, port]) => Number(port))
    .filter((port) => !known.has(port))
    .map((port) => `nothing listens at port ${port}`);
}
