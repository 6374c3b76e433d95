/** The line between the pages and the sidecar: bytes pass, until it is cut for a while, as in a tunnel. */

import { connect, createServer, type Server, type Socket } from "node:net";

export interface Line {
  readonly server: Server;
  /** Every connection is reset, and who comes now waits until `mend`. */
  cut(): void;
  mend(): void;
}

/** Listening is the caller's. */
export function createLine(target: { readonly host: string; readonly port: number }): Line {
  const open = new Set<Socket>();
  /** With what they have sent so far. */
  const waiting = new Map<Socket, Buffer[]>();
  let isCut = false;

  /** Whoever gives up meanwhile is let go. */
  function wait(near: Socket): void {
    const sent: Buffer[] = [];
    waiting.set(near, sent);
    near.on("data", (bytes: Buffer) => sent.push(bytes));
    near.once("end", () => near.destroy());
    near.once("close", () => waiting.delete(near));
    near.on("error", () => undefined);
  }

  function pass(near: Socket, sent: readonly Buffer[]): void {
    const far = connect({ ...target, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one
        .removeAllListeners("data")
        .removeAllListeners("end")
        .on("error", () => undefined);
      one.once("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
    for (const bytes of sent) far.write(bytes);
    near.pipe(far).pipe(near);
  }

  return {
    server: createServer({ allowHalfOpen: true }, (socket) => {
      if (isCut) wait(socket);
      else pass(socket, []);
    }),
    cut() {
      isCut = true;
      for (const socket of open) socket.resetAndDestroy();
    },
    mend() {
      isCut = false;
      for (const [socket, sent] of waiting) pass(socket, sent);
      waiting.clear();
    },
  };
}
