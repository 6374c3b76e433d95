/** Several workers instead of one node: their supervisor, and one admin port for all of them. */

import type { Config } from "../config.ts";
import type { Backend } from "../console/backend.ts";
import { toAdminAddress, toListenAddress, type InheritedSockets } from "../http/listener.ts";
import { systemTimers } from "../http/timers.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { createAdminServer } from "../observability/admin.ts";
import type { Logger } from "../observability/log.ts";
import { createMetricsSum } from "../observability/merged-metrics.ts";
import { createMetrics } from "../observability/metrics.ts";
import { createReport } from "../observability/report.ts";
import { createMergedRoutes } from "../workers/merged-pages.ts";
import { canSharePorts, checkPortIsFree, PortSharingError } from "../workers/port-sharing.ts";
import { Supervisor } from "../workers/supervisor.ts";
import { startWorkerProcess } from "../workers/worker-process.ts";
import { draining } from "./admin-actions.ts";
import { bindConsole } from "./console.ts";
import { stopOnce, type StopOptions } from "./stop-once.ts";

export interface SupervisionOptions {
  readonly version: string;
  readonly log: Logger;
  readonly inherited: InheritedSockets;
  /** What Node runs for a worker, and what it gives it. */
  readonly command: {
    readonly main: string;
    readonly args: (worker: number) => readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
  };
}

/** How long a worker may take until it listens. It waits for Redis as well, and not for long. */
const startTimeoutMs = 60_000;
/** What a worker has for its last steps, beyond the delay and the timeout of a stop. */
const graceMs = 5_000;
/** What a worker has to answer for the console, beyond the time that the app has where it is asked. */
const consoleAnswerMs = 5_000;

/** Of `config` it takes the addresses; the workers load the rest themselves. */
export function createSupervision(config: Config, options: SupervisionOptions): Lifecycle {
  const { version, log, inherited, command } = options;
  const { server, admin: adminOptions, workers } = config;
  const now = (): number => performance.now();
  const startedMs = now();
  const stopping = stopOnce(stopAll);

  const metrics = createMetrics();
  const report = createReport({ metrics, log, now });
  const supervisor = new Supervisor({
    count: workers.count,
    startProcess: (worker) =>
      startWorkerProcess({
        ...command,
        args: command.args(worker),
        descriptor: inherited.public,
      }),
    startTimeoutMs: startTimeoutMs + (config.redis?.timeoutMs ?? 0),
    stopTimeoutMs: server.drainDelayMs + server.shutdownTimeoutMs + graceMs,
    report,
    now,
    random: Math.random,
    timers: systemTimers,
  });
  metrics.workers.listening.read(() => supervisor.listeningCount);

  async function loadConsole(): Promise<Backend> {
    const { createWorkersConsole } = await import("./workers-console.ts");
    const answerWithinMs = config.authorizer.deadlineMs + consoleAnswerMs;
    return createWorkersConsole({ workers: supervisor, count: workers.count, answerWithinMs });
  }

  const admin = createAdminServer({
    ...adminOptions,
    openConsole: bindConsole(config, { loadBackend: loadConsole, report, now }),
    ...createMergedRoutes({
      ask: (path) => supervisor.ask(path),
      hasStarted: () => supervisor.hasStarted,
      mergeMetrics: createMetricsSum(metrics.registry),
      health: () => ({ version, uptime_seconds: Math.round((now() - startedMs) / 1000) }),
      drain() {
        void stopping.stop();
        return { status: 202, text: draining };
      },
    }),
  });

  async function start(): Promise<{ port: number; adminPort: number }> {
    const address = toListenAddress(server, inherited.public);
    if (address.kind === "tcp") {
      if (!(await canSharePorts(address.host))) throw new PortSharingError();
      // A successor that is to take over shares it on purpose.
      if (!address.reusePort) await checkPortIsFree(address);
    }
    const adminPort = await admin.listen(toAdminAddress(adminOptions, inherited.admin));
    await supervisor.start().catch((error) => {
      admin.close();
      throw error;
    });
    const { port } = server;
    report({ kind: "workers_listening", workers: workers.count, port, adminPort });
    return { port, adminPort };
  }

  async function stopAll({ skipsDelay = false }: StopOptions): Promise<void> {
    await supervisor.stop(skipsDelay);
    admin.close();
    report({ kind: "stopped" });
  }

  return { start, ...stopping };
}
