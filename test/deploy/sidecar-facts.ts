/** The facts as the sidecar's own code tells them: its option table, its defaults, its admin port, its commands. */

import { commands } from "../../sidecar/cli/commands.ts";
import { loadConfig } from "../../sidecar/config.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";
import { showUpstream } from "../../sidecar/http/upstream-address.ts";
import { createAdminServer } from "../../sidecar/observability/admin.ts";
import { createAdminPages } from "../../sidecar/observability/admin-pages.ts";
import { createMetrics } from "../../sidecar/observability/metrics.ts";
import type { Facts } from "./facts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const credentials = { POGO_APP_ID: "1", POGO_APP_KEY: "key", POGO_APP_SECRET: "secret" };

export async function sidecarFacts(): Promise<Facts> {
  const loaded = load(credentials);
  if (!loaded.ok) throw new Error("the defaults are no configuration");
  const { apps, server, admin, upstream, websocket, authorizer } = loaded.config;
  const names = allOptions.flatMap(({ env, laravel, original, secret }) => {
    const plain = [env, laravel, original];
    return secret ? plain.concat([`${env}_FILE`, laravel && `${laravel}_FILE`]) : plain;
  });
  return {
    optionNames: new Set([...names.filter((name) => name !== undefined), "POGO_CONFIG"]),
    port: server.port,
    adminPort: admin.port,
    upstream: upstream.address ? showUpstream(upstream.address) : "",
    shutdownTimeoutSeconds: server.shutdownTimeoutMs / 1000,
    maxConnections: websocket.maxConnections,
    pingIntervalSeconds: (apps[0]?.pingPeriodMs ?? 0) / 1000,
    adminPaths: await adminPaths(),
    authPath: authorizer.authPath,
    metricNames: new Set(
      createMetrics()
        .registry.getMetricsAsArray()
        .map(({ name }) => name),
    ),
    commands: new Set(Object.keys(commands)),
  };
}

/** What the sidecar would say about an environment, one line each; empty if it would start. */
export function environmentFaults(env: Environment): readonly string[] {
  const loaded = load(env);
  return loaded.ok ? [] : loaded.errors.map(({ name, message }) => `${name}: ${message}`);
}

function load(env: Environment): ReturnType<typeof loadConfig> {
  const readFile = (path: string): string => {
    throw new Error(`${path} is not to be read`);
  };
  return loadConfig({ argv: [], env, readFile });
}

/** Those that a running admin port answers, of those that it lists for a path it does not have. */
async function adminPaths(): Promise<ReadonlySet<string>> {
  const admin = createAdminServer({
    pages: createAdminPages({
      metrics: createMetrics(),
      readiness: () => ({ ready: true }),
      health: () => ({}),
    }),
    allowedHosts: [],
    actions: {},
    openConsole: () => Promise.resolve((_req, res) => void res.end()),
  });
  const base = `http://127.0.0.1:${await admin.listen({ kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false })}`;
  const listed = (await (await fetch(`${base}/not-there`)).text()).match(/^\/\S+$/gm) ?? [];
  const statuses = await Promise.all(
    listed.map(async (path) => [path, (await fetch(base + path)).status] as const),
  );
  admin.close();
  return new Set(statuses.filter(([, status]) => status === 200).map(([path]) => path));
}
