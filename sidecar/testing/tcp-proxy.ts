/** For tests: a TCP proxy that can be cut, be a black hole or be slow, before Redis, a node, or the nodes of a cluster. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { onFreePort } from "./ports.ts";

export interface TcpProxy {
  /** On 127.0.0.1. */
  readonly port: number;
  /** How many connections go through it now. */
  readonly connections: number;
  /** Resets every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Resets every connection; new ones pass. */
  reset(): void;
  /** Holds what comes over the connections that are there, as `blackhole`; new ones pass. */
  stall(): void;
  /** Keeps connections and accepts new ones, but holds what either side sends, the end of a connection too. */
  blackhole(): Promise<void>;
  /** Accepts again after `cut`; passes on, after `blackhole`, what was held. */
  heal(): Promise<void>;
  /** What comes from now on takes this long each way; 0 ends that. */
  delay(ms: number): void;
  /** Resets every connection and stops listening, for good. */
  close(): Promise<void>;
}

/**
 * @param target a port of 127.0.0.1, or what chooses one for each connection; who connects while nobody listens there
 * is accepted, then reset.
 */
export async function startTcpProxy(target: number | (() => number)): Promise<TcpProxy> {
  const choose = typeof target === "number" ? () => target : target;
  const links = new Set<Link>();
  let isHolding = false;
  let delayMs = 0;

  const accept = (client: Socket) => {
    const link = new Link(
      client,
      connect({ port: choose(), host: "127.0.0.1", allowHalfOpen: true }),
      {
        delayMs: () => delayMs,
        onClose: () => links.delete(link),
      },
    );
    links.add(link);
    if (isHolding) link.hold();
  };
  let server = await onFreePort((port) => listen(port, accept));
  const port = portOf(server);

  const resetAll = () => {
    for (const link of links) link.reset();
  };
  const cut = async () => {
    resetAll();
    if (server.listening) await new Promise((resolve) => void server.close(resolve));
  };
  const enter = async (mode: "holding" | "passing") => {
    isHolding = mode === "holding";
    for (const link of links) {
      if (isHolding) link.hold();
      else link.pass();
    }
    if (!server.listening) server = await listen(port, accept);
  };
  return {
    port,
    get connections() {
      return links.size;
    },
    cut,
    reset: resetAll,
    stall: () => {
      for (const link of links) link.hold();
    },
    blackhole: () => enter("holding"),
    heal: () => enter("passing"),
    delay: (ms) => {
      delayMs = ms;
    },
    close: cut,
  };
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept);
  server.unref();
  // A crowd may come back at once.
  server.listen({ port, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface LinkOptions {
  readonly delayMs: () => number;
  readonly onClose: () => void;
}

/** One connection through the proxy: a socket to either side, and a lane each way. */
class Link {
  readonly #sockets: readonly Socket[];
  readonly #lanes: readonly Lane[];

  constructor(client: Socket, target: Socket, { delayMs, onClose }: LinkOptions) {
    this.#sockets = [client, target];
    this.#lanes = [new Lane(client, target, delayMs), new Lane(target, client, delayMs)];
    for (const socket of this.#sockets) {
      socket.unref();
      socket.setNoDelay(true);
      socket.once("close", () => {
        if (this.#sockets.every((each) => each.destroyed)) onClose();
      });
    }
  }

  hold(): void {
    for (const lane of this.#lanes) lane.hold();
  }

  pass(): void {
    for (const lane of this.#lanes) lane.pass();
  }

  reset(): void {
    for (const lane of this.#lanes) lane.hold();
    for (const socket of this.#sockets) reset(socket);
  }
}

/**
 * As `resetAndDestroy`, which ends the stream first: where the other side resets it meanwhile, Node leaves the handle
 * open for ever, and the process waits for it at its exit (`uv_tcp_close_reset` refuses during a shutdown).
 */
function reset(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (!isEnding && !socket.connecting) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}

/** What one side sends to the other: bytes, then perhaps its end. */
type Parcel = { readonly dueAt: number } & (
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "reset" }
);

/** One direction of a link: takes what comes, and hands it on when it is due and the other side has room. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #parcels: Parcel[] = [];
  #isHolding = false;
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    const dueAt = () => performance.now() + delayMs();
    const take = (parcel: Parcel) => {
      this.#parcels.push(parcel);
      this.#handOn();
    };
    from.on("data", (bytes: Buffer) => take({ kind: "bytes", bytes, dueAt: dueAt() }));
    from.once("end", () => take({ kind: "end", dueAt: dueAt() }));
    from.on("error", () => take({ kind: "reset", dueAt: dueAt() }));
    to.on("drain", () => {
      this.#isFull = false;
      this.#handOn();
    });
  }

  /** A paused socket reads nothing: what its sender does then, up to its end, waits in the kernel. */
  hold(): void {
    this.#isHolding = true;
    this.#from.pause();
    clearTimeout(this.#timer);
  }

  pass(): void {
    this.#isHolding = false;
    this.#handOn();
  }

  #handOn(): void {
    clearTimeout(this.#timer);
    if (this.#isHolding) return;
    for (let parcel = this.#parcels[0]; parcel && !this.#isFull; parcel = this.#parcels[0]) {
      const waitMs = parcel.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#handOn(), waitMs);
        break;
      }
      this.#parcels.shift();
      this.#deliver(parcel);
    }
    if (this.#isFull) this.#from.pause();
    else this.#from.resume();
  }

  #deliver(parcel: Parcel): void {
    switch (parcel.kind) {
      case "bytes":
        this.#isFull = this.#to.writable && !this.#to.write(parcel.bytes);
        return;
      case "end":
        this.#to.end();
        return;
      case "reset":
        reset(this.#to);
    }
  }
}
