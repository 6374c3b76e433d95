/** `worker`: one of the processes of POGO_WORKERS; only their supervisor starts it. */

import { formatErrors, loadConfig, type Config } from "../config.ts";
import { exportMetrics } from "../observability/merged-metrics.ts";
import { createSidecar } from "../sidecar.ts";
import { createWorkerLink, type Channel } from "../workers/worker-link.ts";
import { inheritedDescriptor } from "../workers/worker-process.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { createProcessLog, endOnBugs } from "./process-log.ts";
import { explainStart } from "./start-errors.ts";
import { readVersion } from "./version.ts";
import { parseWorkerArgs } from "./worker-args.ts";

/** systemd sends SIGTERM to all processes of a unit: that all of them stop the supervisor says within this time. */
const supervisorSaysWithinMs = 250;

/** Ends the process itself once the node has stopped; resolves only where it could not start. */
export async function work(context: CommandContext): Promise<number> {
  const channel = openChannel();
  if (!channel) {
    context.complain("worker is what start runs for POGO_WORKERS: pogo-sidecar --workers 2\n");
    return exitCodes.usage;
  }
  const { worker, inherits, argv } = parseWorkerArgs(context.argv);
  // What there is to say about the configuration the supervisor has said.
  const loaded = loadConfig({ ...context, argv });
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors));
    return exitCodes.configuration;
  }
  const config = configOf(worker, loaded.config);
  const version = readVersion();
  const log = (await createProcessLog(config, context, version)).child({ worker });
  endOnBugs(log);

  const link = createWorkerLink(channel, () => process.exit(exitCodes.failure));
  const sidecar = await createSidecar(config, {
    version,
    log,
    inherited: { public: inherits ? inheritedDescriptor : null, admin: null },
    worker,
    admin({ pages, actions, loadConsole }, registry) {
      const metrics = async () => ({ status: 200, text: await exportMetrics(registry) });
      link.serve({ pages: { ...pages, "/metrics": metrics }, actions, loadConsole });
      return { listen: () => Promise.resolve(config.admin.port), close: () => undefined };
    },
  });
  const listening = sidecar.start().then(
    () => {
      link.reportListening();
      return true;
    },
    (error: unknown) => {
      log.fatal(explainStart(error, config) ?? { err: error }, "could not start");
      return false;
    },
  );

  // Ctrl-C in a terminal comes to all processes: the supervisor says what is to be done about it.
  process.on("SIGINT", () => undefined);
  process.once("SIGTERM", () => {
    setTimeout(() => void sidecar.stop({ isReplaced: true }), supervisorSaysWithinMs);
  });
  void link.stopRequested.then((request) => sidecar.stop(request));
  void sidecar.stopped.then(() => process.exit(exitCodes.ok));

  if (await listening) return await new Promise<never>(() => undefined);
  process.exit(exitCodes.failure);
}

/** The port is everybody's, the Unix socket of the API the first worker's; its console is the supervisor's, which shows it. */
function configOf(worker: number, config: Config): Config {
  const { server, admin } = config;
  const apiSocket = worker === 1 ? server.apiSocket : null;
  const url = admin.url && `${admin.url}?worker=${worker}`;
  return {
    ...config,
    server: { ...server, reusePort: true, apiSocket },
    admin: { ...admin, url },
  };
}

function openChannel(): Channel | null {
  if (process.send === undefined) return null;
  return {
    send: (message) => process.send?.(message, undefined, undefined, () => undefined),
    onMessage: (receive) => void process.on("message", receive),
    onLost: (run) => void process.once("disconnect", run),
  };
}
