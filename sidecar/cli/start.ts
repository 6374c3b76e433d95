/** `start`: runs the sidecar until a signal stops it. */

import { constants } from "node:os";
import { resolve } from "node:path";
import { formatErrors, type Config } from "../config.ts";
import { createLog, type Logger } from "../observability/log.ts";
import { createSidecar } from "../sidecar.ts";
import type { BannerOptions } from "./banner.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { loadOrMakeUp } from "./credentials.ts";
import { findInheritedSockets } from "./inherited-sockets.ts";
import { readVersion } from "./version.ts";

/** One Ctrl-C under `npm start` is two signals: the terminal sends it to all, and npm passes its own on. */
const sameCtrlCMs = 500;

/** At the start in a terminal, until it answers. */
const appAskedEveryMs = 1_000;

/** Ends the process itself once the node has stopped; resolves only where it could not start. */
export async function start(context: CommandContext): Promise<number> {
  const loaded = loadOrMakeUp(context);
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors, loaded.warnings));
    return exitCodes.configuration;
  }
  const { config } = loaded;
  const version = readVersion();
  const isText = isTextWanted(config, context);
  const log = createLog(
    { level: config.log.level, version },
    isText ? (await import("../observability/text-log.ts")).createTextDestination() : undefined,
  );
  if (loaded.envFiles.length > 0) {
    log.info(
      { files: loaded.envFiles.map((path) => resolve(path)) },
      "settings read from .env; variables of the process win",
    );
  }
  for (const { name, message } of loaded.warnings) log.warn({ name }, `configuration: ${message}`);

  // A bug, whether thrown or rejected: the state is not to be trusted any more.
  process.on("uncaughtException", (error, origin) => {
    log.fatal({ err: error, origin }, "uncaught exception");
    process.exit(exitCodes.failure);
  });

  const sidecar = await createSidecar(config, {
    version,
    log,
    inherited: findInheritedSockets(context.env, process.pid),
  });
  const listening = sidecar.start().then(
    (ports) => {
      if (isText && context.isTerminal) void greet({ ...loaded, version, ports }, context, log);
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
        if (signal === "SIGINT" && performance.now() - stoppingSinceMs < sameCtrlCMs) return;
        process.exit(128 + constants.signals[signal]);
      }
      stoppingSinceMs = performance.now();
      log.info({ signal }, "stopping");
      // What begins to listen can be stopped only once it does.
      const skipsDelay = signal === "SIGINT" && context.isTerminal;
      void listening.then(() => sidecar.stop({ skipsDelay }));
    });
  }
  void sidecar.stopped.then(() => process.exit(exitCodes.ok));

  if (await listening) return await never();
  // One of the two ports may listen already.
  process.exit(exitCodes.failure);
}

function isTextWanted({ log }: Config, { isTerminal }: CommandContext): boolean {
  return log.format === "auto" ? isTerminal : log.format === "text";
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

/** What to do about a port that can't be had; null: it is something else. */
function explainStart(error: unknown, { server, admin }: Config): Record<string, unknown> | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const { code } = error;
  const triedPath = "address" in error ? error.address : undefined;
  if (server.host.kind === "unix" && triedPath === server.host.path) {
    return explainSocket(String(code), server.host.path, "POGO_HOST");
  }
  if (server.apiSocket !== null && triedPath === server.apiSocket) {
    return explainSocket(String(code), server.apiSocket, "POGO_API_SOCKET");
  }
  // Node names the port unless it is 0, and the address, or the name that has none.
  const triedPort = "port" in error ? error.port : undefined;
  const triedHost = "address" in error ? error.address : "hostname" in error && error.hostname;
  const likeness = (listener: { host: string; port: number }): number =>
    (listener.port === triedPort ? 2 : 0) + (listener.host === triedHost ? 1 : 0);
  const everything = {
    host: server.host.kind === "tcp" ? server.host.host : "",
    port: server.port,
  };
  const isAdmin = likeness(admin) > likeness(everything);
  const { host, port } = isAdmin ? admin : everything;
  const names = (key: string): string => {
    const name = isAdmin ? `admin_${key}` : key;
    return `POGO_${name.toUpperCase()} or --${name.replace("_", "-")}`;
  };
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is in use: stop what listens there, or choose another one with ${names("port")}`,
    EACCES: `this user may not listen on port ${port}: choose one above 1023 with ${names("port")}`,
    EADDRNOTAVAIL: `this machine has no address ${host}: choose another one with ${names("host")}`,
    ENOTSUP: `this platform can't share a port between processes: leave out POGO_REUSE_PORT`,
    ENOTFOUND: `there is no host ${host}: choose an address with ${names("host")}`,
  };
  const hint = hints[String(code)];
  return hint === undefined ? null : { code, host, port, hint };
}

function explainSocket(code: string, path: string, option: string): Record<string, unknown> | null {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `another process listens on ${path}: stop it, or choose another path with ${option}`,
    EACCES: `this user may not create ${path}: choose another path with ${option}, or a folder that the user may write to`,
    ENOENT: `the folder of ${path} does not exist: create it, or choose another path with ${option}`,
  };
  const hint = hints[code];
  return hint === undefined ? null : { code, socket: path, hint };
}

/** The open ports keep the process running; a signal ends it. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
