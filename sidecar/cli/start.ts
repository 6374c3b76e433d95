/** `start`: runs the sidecar until a signal stops it. */

import { constants } from "node:os";
import { extname, join, resolve } from "node:path";
import { formatErrors, type Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { Logger } from "../observability/log.ts";
import type { BannerOptions } from "./banner.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { loadOrMakeUp } from "./credentials.ts";
import { findInheritedSockets } from "./inherited-sockets.ts";
import { createProcessLog, endOnBugs, isTextWanted } from "./process-log.ts";
import { explainStart } from "./start-errors.ts";
import { readVersion } from "./version.ts";
import { workerArgs } from "./worker-args.ts";

/** One signal to all processes of a terminal or a unit is two under `npm start` or `npx`: npm passes its own on. */
const sameSignalMs = 500;

/** At the start in a terminal, until it answers. */
const appAskedEveryMs = 1_000;

/** Ends the process itself once the node has stopped; resolves only where it could not start. */
export async function start(context: CommandContext): Promise<number> {
  const { loaded, env } = loadOrMakeUp(context);
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors, loaded.warnings));
    return exitCodes.configuration;
  }
  const { config } = loaded;
  const version = readVersion();
  const log = await createProcessLog(config, context, version);
  if (loaded.envFiles.length > 0) {
    log.info(
      { files: loaded.envFiles.map((path) => resolve(path)) },
      "settings read from .env; variables of the process win",
    );
  }
  for (const { name, message } of loaded.warnings) log.warn({ name }, `configuration: ${message}`);

  endOnBugs(log);

  const sidecar = await createProcesses(config, { ...context, env }, { version, log });
  const listening = sidecar.start().then(
    (ports) => {
      const isRead = isTextWanted(config, context) && context.isTerminal;
      if (isRead) void greet({ ...loaded, version, ports }, context, log);
      return true;
    },
    (error: unknown) => {
      log.fatal(explainStart(error, config) ?? { err: error }, "could not start");
      return false;
    },
  );

  let stoppingSinceMs: number | null = null;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stoppingSinceMs !== null) {
        if (performance.now() - stoppingSinceMs < sameSignalMs) return;
        process.exit(128 + constants.signals[signal]);
      }
      stoppingSinceMs = performance.now();
      log.info({ signal }, "stopping");
      void sidecar.stop({ skipsDelay: signal === "SIGINT" && context.isTerminal });
    });
  }
  void sidecar.stopped.then(() => process.exit(exitCodes.ok));

  if (await listening) return await never();
  // One of the two ports may listen already.
  process.exit(exitCodes.failure);
}

/** The node in this process; or of several workers the supervisor, each of them with this command line's settings. */
async function createProcesses(
  config: Config,
  { argv, env }: CommandContext,
  options: { readonly version: string; readonly log: Logger },
): Promise<Lifecycle> {
  const inherited = findInheritedSockets(env, process.pid);
  if (config.workers.count === 1) {
    const { createSidecar } = await import("../sidecar.ts");
    return createSidecar(config, { ...options, inherited });
  }
  const { createSupervision } = await import("../composition/supervision.ts");
  return createSupervision(config, {
    ...options,
    inherited,
    command: {
      main: join(import.meta.dirname, `../main${extname(import.meta.filename)}`),
      args: (worker) => workerArgs({ worker, inherits: inherited.public !== null }, argv),
      env,
    },
  });
}

/** For whoever started it: where to go, and when the app is there. Asks the app, so it takes a moment. */
async function greet(
  given: Omit<BannerOptions, "env" | "folder">,
  { env, print }: CommandContext,
  log: Logger,
): Promise<void> {
  const { isWanted, renderBanner } = await import("./banner.ts");
  if (!isWanted(given.config)) return;
  const { text, whenAppAnswers } = await renderBanner({ ...given, env, folder: process.cwd() });
  print(text);
  const answers = await whenAppAnswers?.(appAskedEveryMs);
  if (answers !== undefined) log.info(`the app is there: ${answers}`);
}

/** The open ports keep the process running; a signal ends it. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
