/** Reads the environment: which names are options, and which only look like it. */

import type { ConfigError, ConfigWarning } from "../errors.ts";
import { allOptions } from "../table/table.ts";
import { isUnread, warnOfUnread } from "./directives.ts";
import { inEnvFile, type Environment, type LayeredEnvironment } from "./env-files.ts";
import { explainUnknown } from "./suggest.ts";

const prefix = "POGO_";

const knownNames: ReadonlySet<string> = new Set(
  allOptions
    .flatMap(({ env, original, secret }) => [env, original, secret && `${env}_FILE`])
    .concat("POGO_CONFIG")
    .filter((name) => name !== undefined),
);

/** Settings of the Laravel package, which stand in the same `.env`: those that `laravel/config/pogo.php` reads. */
const packageNames: ReadonlySet<string> = new Set([
  "POGO_ADMIN_URL",
  "POGO_BROADCAST_CONNECTION",
  "POGO_WEBHOOK_CACHE_STORE",
  "POGO_WEBHOOK_PATH",
]);

const knownKeys = [...knownNames].filter((name) => !name.startsWith("POGO_WS_")).map(toKey);

/**
 * @returns texts by name, of what is not empty or has a meaning when it is; `REVERB_…` and everything else that is
 *   not `POGO_…` is never an error, since it may belong to the app
 */
export function readEnvironment(
  env: Environment,
  origins: LayeredEnvironment["origins"],
): {
  readonly texts: ReadonlyMap<string, string>;
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigWarning[];
} {
  const texts = new Map<string, string>();
  const errors: ConfigError[] = [];
  const warnings: ConfigWarning[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || isServiceLink(name, text)) continue;
    texts.set(name, text);
    // Empty is how compose files leave a name out.
    if (!name.startsWith(prefix) || knownNames.has(name) || text.trim() === "") continue;
    if (packageNames.has(name)) continue;
    if (isUnread(name)) {
      const message = warnOfUnread(name, text);
      if (message !== null) warnings.push({ name: inEnvFile(name, origins), message });
      continue;
    }
    const message = explainUnknown(toKey(name), knownKeys, (key) => prefix + key.toUpperCase());
    errors.push({ kind: "unknown", name: inEnvFile(name, origins), message });
  }
  return { texts, errors, warnings };
}

/**
 * Kubernetes writes the address of every Service into the environment of every pod: for one named `pogo` that is
 * `POGO_PORT=tcp://10.0.0.1:80`, `POGO_SERVICE_HOST` and more. None of them is an option.
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
function isServiceLink(name: string, text: string): boolean {
  return (
    /_SERVICE_(HOST|PORT|PORT_\w+)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$/.test(name) ||
    (name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(text))
  );
}

function toKey(name: string): string {
  return name.slice(prefix.length).toLowerCase();
}
