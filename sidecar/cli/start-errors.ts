/** Why a node could not start, with how to fix it. */

import type { Config } from "../config.ts";
import { PortSharingError } from "../workers/port-sharing.ts";
import { WorkerStartError, type WorkerEnd } from "../workers/supervisor.ts";

type Explanation = Record<string, unknown>;

/** What happened and what to do about it, as fields of a log line; null: nobody knows. */
export function explainStart(error: unknown, config: Config): Explanation | null {
  if (error instanceof WorkerStartError) return explainWorkerStart(error);
  if (error instanceof PortSharingError) return { hint: error.message };
  if (!(error instanceof Error) || !("code" in error)) return null;
  const { server } = config;
  const code = String(error.code);
  const triedPath = "address" in error ? error.address : undefined;
  if (server.host.kind === "unix" && triedPath === server.host.path) {
    return explainSocket(code, server.host.path, "POGO_HOST");
  }
  if (server.apiSocket !== null && triedPath === server.apiSocket) {
    return explainSocket(code, server.apiSocket, "POGO_API_SOCKET");
  }
  return explainPort(code, error, config);
}

function explainPort(code: string, error: Error, { server, admin }: Config): Explanation | null {
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
    EADDRINUSE: `port ${port} is in use: stop what listens there (often ${isAdmin ? "another sidecar" : "php artisan reverb:start"}), or choose another one with ${names("port")}`,
    EACCES: `this user may not listen on port ${port}: choose one above 1023 with ${names("port")}`,
    EADDRNOTAVAIL: `this machine has no address ${host}: choose another one with ${names("host")}`,
    ENOTSUP: `this platform can't share a port between processes: leave out POGO_REUSE_PORT`,
    ENOTFOUND: `there is no host ${host}: choose an address with ${names("host")}`,
  };
  const hint = hints[code];
  return hint === undefined ? null : { code, host, port, hint };
}

function explainWorkerStart({ worker, end }: WorkerStartError): Explanation {
  const { code, signal, error, uptimeMs } = end;
  return {
    worker,
    ...(code !== null && { exit_code: code }),
    ...(signal !== null && { signal }),
    ...(error !== null && { error }),
    uptime_ms: uptimeMs,
    hint: explainWorker(end),
  };
}

function explainWorker({ error, signal, hasTimedOut }: WorkerEnd): string {
  if (hasTimedOut) {
    return "it had not opened its port in time, and was killed: look at its own last lines; a debugger that waits (--inspect-brk in NODE_OPTIONS), a file system that does not answer and a machine without CPU to spare are usual causes";
  }
  if (error !== null) {
    return "the system did not start it: raise the memory limit or that of processes, or lower POGO_WORKERS";
  }
  return signal === null
    ? "its own line says why"
    : "a signal ended it; SIGKILL is mostly the kernel's, out of memory: raise the memory limit, or lower POGO_WORKERS";
}

function explainSocket(code: string, path: string, option: string): Explanation | null {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `another process listens on ${path}: stop it, or choose another path with ${option}`,
    // Node says so of a folder that is missing, too.
    EACCES: `does the folder of ${path} exist, and may this user write to it? Else choose another path with ${option}`,
  };
  const hint = hints[code];
  return hint === undefined ? null : { code, socket: path, hint };
}
