/** Listening sockets that a service manager has opened for this process (systemd: sd_listen_fds(3)). */

import type { InheritedSockets } from "../http/listener.ts";

/** The first one; 0 to 2 are the standard streams. */
const firstDescriptor = 3;

/**
 * What `LISTEN_FDS` passes, if it is meant for this process (`LISTEN_PID`). `LISTEN_FDNAMES` names each; the first that
 * is not called `admin` is the public port.
 */
export function findInheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedSockets {
  const count = env["LISTEN_PID"] === String(pid) ? Number(env["LISTEN_FDS"] ?? 0) : 0;
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  const sockets = Array.from({ length: count > 0 ? count : 0 }, (_, index) => ({
    descriptor: firstDescriptor + index,
    isAdmin: names[index] === "admin",
  }));
  const find = (isAdmin: boolean): number | null =>
    sockets.find((socket) => socket.isAdmin === isAdmin)?.descriptor ?? null;
  return { public: find(false), admin: find(true) };
}
