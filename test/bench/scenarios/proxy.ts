/**
 * The path of a proxied request: GET and POST of 1 KB over keep-alive connections, beside the least that forwards on
 * Node, http-proxy-3 as it comes, and Caddy and nginx where they are installed; each on one core.
 */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { commandPath } from "../../../sidecar/testing/needs.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { startSidecar } from "../../kit/process.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import type { RequesterInput, RequesterResult } from "../support/proxy/requester.ts";
import { cpuSeconds } from "../support/memory.ts";
import { decimal, mediansOf, percent, toTable, whole } from "../support/table.ts";
import { startWorker } from "../support/worker.ts";

const supportFolder = join(import.meta.dirname, "../support/proxy");
const methods = ["GET", "POST"] as const;
const connectionCounts = [1, 8, 50] as const;
/** Processes that share the load's core; one connection has one. */
const requesters = 2;

interface Server {
  /** Null: its CPU is not known. */
  readonly pid: number | null;
  readonly port: number;
  stop(): Promise<unknown>;
}

export interface MeasuredRequests {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lost: number;
  readonly cpuMicroseconds: number;
  readonly loadCpu: number;
}

interface Row extends MeasuredRequests {
  readonly server: string;
  readonly method: (typeof methods)[number];
  readonly connections: number;
}

/** By name; given the app's port. Null: not installed. */
const servers: Readonly<
  Record<string, ((appPort: number, settings: Settings) => Promise<Server>) | null>
> = {
  "straight to the app": (appPort) =>
    Promise.resolve({ pid: null, port: appPort, stop: () => Promise.resolve() }),
  "bare node:http": (appPort) => startScript("bare-forwarder.ts", appPort),
  "bare http-proxy-3": (appPort) => startScript("http-proxy-3.ts", appPort),
  "Pogo Sidecar": startNode,
  Caddy: commandPath("caddy") === undefined ? null : startCaddy,
  nginx: commandPath("nginx") === undefined ? null : startNginx,
};

export const proxy: Scenario = {
  name: "proxy",
  needs: () => false,
  takesTarget: false,
  async run(settings) {
    const rows: Row[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      // In turn, so that a busy minute of the machine meets all of them.
      for (const [server, start] of Object.entries(servers)) {
        if (!start || (settings.only && !server.includes(settings.only))) continue;
        rows.push(...(await measureServer(server, start, settings)));
      }
    }
    return toTable(medians(rows), [
      [
        "request",
        ({ method, connections }) =>
          `${method}, ${connections} ${connections === 1 ? "connection" : "connections"}`,
      ],
      ["server", ({ server }) => server],
      ["requests/s", ({ perSecond }) => whole(perSecond)],
      ["of bare node:http", (row) => ofBare(row, medians(rows))],
      ["lost", ({ lost }) => String(lost)],
      ["CPU a request, µs", ({ cpuMicroseconds }) => decimal(cpuMicroseconds, 0)],
      ["p50, ms", ({ p50Ms }) => p50Ms.toFixed(3)],
      ["p99, ms", ({ p99Ms }) => p99Ms.toFixed(2)],
      ["load's CPU", ({ loadCpu }) => percent(loadCpu)],
    ]);
  },
};

function ofBare({ method, connections, perSecond }: Row, rows: readonly Row[]): string {
  const bare = rows.find(
    (row) =>
      row.server === "bare node:http" && row.method === method && row.connections === connections,
  );
  return bare ? (perSecond / bare.perSecond).toFixed(2) : "–";
}

async function measureServer(
  server: string,
  start: (appPort: number, settings: Settings) => Promise<Server>,
  settings: Settings,
): Promise<Row[]> {
  const app = await startScript("app.ts");
  const running = await start(app.port, settings);
  if (settings.cores) {
    bind(app.pid, settings.cores.load);
    if (running.pid !== null) bind(running.pid, settings.cores.servers);
  }
  try {
    const rows: Row[] = [];
    for (const method of methods) {
      for (const connections of connectionCounts) {
        const input = { port: running.port, method, connections };
        rows.push({
          server,
          method,
          connections,
          ...(await measureRequests(running.pid, input, settings)),
        });
      }
    }
    return rows;
  } finally {
    await running.stop();
    await app.stop();
  }
}

/** Of the process `pid`, which answers at the port. */
export async function measureRequests(
  pid: number | null,
  input: RequesterInput,
  { cores, warmUpMs, measuredMs }: Settings,
): Promise<MeasuredRequests> {
  const count = Math.min(requesters, input.connections);
  const workers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startWorker<RequesterInput, RequesterResult>({
        module: join(supportFolder, "requester.ts"),
        input: { ...input, connections: Math.floor((input.connections + index) / count) },
        core: cores?.load ?? null,
      }),
    ),
  );
  await sleep(warmUpMs);
  const cpuBefore = cpuSeconds(pid);
  for (const worker of workers) worker.begin();
  await sleep(measuredMs);
  const results = await Promise.all(workers.map((worker) => worker.end()));
  const cpu = cpuSeconds(pid) - cpuBefore;
  const latencies = results.flatMap((result) => result.latencies).toSorted((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
  return {
    perSecond: latencies.length / (measuredMs / 1_000),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    lost: results.reduce((sum, { lost }) => sum + lost, 0),
    cpuMicroseconds: (cpu * 1e6) / Math.max(1, latencies.length),
    loadCpu: results.reduce((sum, result) => sum + result.cpu, 0),
  };
}

function medians(rows: readonly Row[]): Row[] {
  const names = [...new Set(rows.map(({ server }) => server))];
  return methods.flatMap((method) =>
    connectionCounts.flatMap((connections) =>
      names.map((server): Row => {
        const rounds = rows.filter(
          (row) =>
            row.server === server && row.method === method && row.connections === connections,
        );
        return mediansOf(rounds, ["lost"]);
      }),
    ),
  );
}

/** One of the servers of support/proxy/. */
export async function startScript(
  file: string,
  appPort?: number,
): Promise<Server & { readonly pid: number }> {
  const port = await freePort();
  const args = [join(supportFolder, file), String(port), String(appPort ?? "")];
  const child = startChild(process.execPath, args, { cwd: import.meta.dirname, env: {} });
  await waitUntilUp(child, () => Promise.resolve(child.lines.includes("listening")));
  return { pid: child.pid, port, stop: () => child.stop() };
}

function startNode(appPort: number, { checkout }: Settings): Promise<Server> {
  return startSidecar({
    checkout: checkout ?? undefined,
    env: {
      POGO_APP_ID: "bench",
      POGO_APP_KEY: "bench-key",
      POGO_APP_SECRET: "bench-secret",
      POGO_UPSTREAM: `http://127.0.0.1:${appPort}`,
    },
  });
}

/** Without HTTPS, for Caddy would make an authority of its own and have the machine trust it. */
async function startCaddy(appPort: number): Promise<Server> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "pogo-caddy-"));
  const file = join(folder, "Caddyfile");
  writeFileSync(
    file,
    `{
      admin off
      auto_https off
      skip_install_trust
    }
    http://:${port} {
      bind 127.0.0.1
      reverse_proxy 127.0.0.1:${appPort}
    }`,
  );
  const child = startChild("caddy", ["run", "--config", file, "--adapter", "caddyfile"], {
    cwd: folder,
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, GOMAXPROCS: "1" },
  });
  await waitUntilUp(child, () => answers(port));
  return { pid: child.pid, port, stop: () => child.stop() };
}

async function startNginx(appPort: number): Promise<Server> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "pogo-nginx-"));
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;
    events { worker_connections 1024; }
    http {
      access_log off; keepalive_requests 1000000;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      upstream app { server 127.0.0.1:${appPort}; keepalive 128; keepalive_requests 1000000; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://app; proxy_http_version 1.1;
          proxy_set_header Connection ""; proxy_set_header Host $host;
          proxy_set_header X-Forwarded-For $remote_addr;
        }
      }
    }`,
  );
  const child = startChild("nginx", ["-e", "stderr", "-p", folder, "-c", file], {
    cwd: folder,
    env: {},
  });
  await waitUntilUp(child, () => answers(port));
  return { pid: child.pid, port, stop: () => child.stop() };
}

async function answers(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/`)).ok;
}
