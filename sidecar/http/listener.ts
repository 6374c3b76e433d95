/** Where a server listens: a port, a Unix socket, or a socket that the service manager has already opened. */

import { once } from "node:events";
import { chmodSync, chownSync, statSync, unlinkSync } from "node:fs";
import { connect, type ListenOptions, type Server } from "node:net";
import { errorCode } from "./error-code.ts";
import { urlHost } from "./host.ts";

/** What an operator configures as `host`. */
export type BindAddress =
  | { readonly kind: "tcp"; readonly host: string }
  | { readonly kind: "unix"; readonly path: string };

export type ListenAddress =
  | {
      readonly kind: "tcp";
      readonly host: string;
      /** 0: the system picks a free one. */
      readonly port: number;
      /** Several processes may listen on the port, and the kernel gives each connection to one of them (SO_REUSEPORT). */
      readonly reusePort: boolean;
    }
  | {
      readonly kind: "unix";
      readonly path: string;
      /** Permissions (`0o660`). */
      readonly mode: number;
      /** Null: the user of the process. */
      readonly owner: SocketOwner | null;
    }
  /** Descriptor of a socket that listens already. */
  | { readonly kind: "inherited"; readonly descriptor: number };

export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Descriptors of sockets that listen already and come before what is configured; null where there is none. */
export interface InheritedSockets {
  readonly public: number | null;
  readonly admin: number | null;
}

/** @param inherited the one of the public port */
export function toListenAddress(
  options: {
    readonly host: BindAddress;
    readonly port: number;
    readonly reusePort: boolean;
    readonly socketMode: number;
    readonly socketOwner: SocketOwner | null;
  },
  inherited: number | null,
): ListenAddress {
  const { host, port, reusePort, socketMode: mode, socketOwner: owner } = options;
  if (inherited !== null) return { kind: "inherited", descriptor: inherited };
  return host.kind === "tcp" ? { ...host, port, reusePort } : { ...host, mode, owner };
}

/** The admin port has one process. @param inherited the one of this port */
export function toAdminAddress(
  { host, port }: { readonly host: string; readonly port: number },
  inherited: number | null,
): ListenAddress {
  if (inherited !== null) return { kind: "inherited", descriptor: inherited };
  return { kind: "tcp", host, port, reusePort: false };
}

/** For people; `port` as `listen` returned it. */
export function showListenAddress(address: ListenAddress, port: number): string {
  switch (address.kind) {
    case "tcp":
      return `${urlHost(address.host)}:${port}`;
    case "unix":
      return `unix:${address.path}`;
    case "inherited":
      return port === 0 ? "a socket of the service manager" : `port ${port} of the service manager`;
  }
}

/**
 * A Unix socket that nobody listens on any more, as a killed process leaves it, is replaced.
 *
 * @returns the port; that of a Unix socket is 0
 * @throws Error with Node's code: `EADDRINUSE`, `EACCES`, `ENOTSUP` (no SO_REUSEPORT on this platform) …
 */
export async function listen(server: Server, address: ListenAddress): Promise<number> {
  switch (address.kind) {
    case "inherited":
      await listenOn(server, { fd: address.descriptor });
      break;
    case "unix":
      await listenOnPath(server, address.path);
      if (address.owner) chownSync(address.path, address.owner.uid, address.owner.gid);
      chmodSync(address.path, address.mode);
      break;
    case "tcp": {
      const { host, port, reusePort } = address;
      await listenOn(server, { host, port, reusePort });
    }
  }
  const bound = server.address();
  return typeof bound === "object" && bound ? bound.port : 0;
}

async function listenOnPath(server: Server, path: string): Promise<void> {
  try {
    return await listenOn(server, { path });
  } catch (error) {
    if (errorCode(error) !== "EADDRINUSE" || !(await isAbandoned(path))) throw error;
  }
  unlinkSync(path);
  await listenOn(server, { path });
}

/**
 * Connections that may wait to be accepted: as many as the system lets (`net.core.somaxconn`). Beyond, it drops what a
 * client sends to connect, who tries again after 1, 3, 7 and 15 s: so did most of a crowd that came back at once, with
 * Node's own 511.
 */
const backlog = 65_535;

async function listenOn(server: Server, options: ListenOptions | { fd: number }): Promise<void> {
  server.listen({ ...options, backlog });
  await once(server, "listening");
}

/** Whether this is a socket on which nobody listens any more. */
async function isAbandoned(path: string): Promise<boolean> {
  // A connection to a file of another kind is refused too.
  if (!statSync(path).isSocket()) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(false));
  socket.once("error", (error) => resolve(errorCode(error) === "ECONNREFUSED"));
  const isLeft = await promise;
  socket.destroy();
  return isLeft;
}
