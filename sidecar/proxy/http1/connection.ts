/** One connection to the app: a request and its response at a time. */

import { connect, type Socket } from "node:net";
import { showDuration } from "../../core/duration.ts";
import { isStale } from "../../http/stale.ts";
import type { UpstreamAddress } from "../../http/upstream-address.ts";
import { toUpstreamError } from "./connection-error.ts";
import { OpenCall, type Call, type RequestMessage, type ResponseHandler } from "./call.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface ConnectionOptions {
  readonly address: UpstreamAddress;
  /** 0: no limit. */
  readonly connectTimeoutMs: number;
  /** Of a response's head. */
  readonly maxHeadBytes: number;
  /** Nothing is under way any more, and it may be used again. `keepAliveMs`: for how long, if the app says so. */
  readonly onFree: (connection: Connection, keepAliveMs: number | undefined) => void;
  readonly onClose: (connection: Connection) => void;
}

/** Resolves once a connection was made, which is given up again; rejects with an `UpstreamError`. */
export function probe({
  address,
  connectTimeoutMs,
}: Pick<ConnectionOptions, "address" | "connectTimeoutMs">): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = openSocket(address);
  socket.setTimeout(connectTimeoutMs, () => reject(notInTime(connectTimeoutMs)));
  socket.once("connect", resolve);
  socket.once("error", (error) => reject(toUpstreamError(error, { isConnected: false, address })));
  return promise.finally(() => socket.destroy());
}

function openSocket(address: UpstreamAddress): Socket {
  return address.kind === "unix"
    ? connect({ path: address.socketPath })
    : connect({ host: address.host, port: address.port, noDelay: true });
}

function notInTime(ms: number): UpstreamError {
  return new UpstreamError("connect_timeout", `no connection within ${showDuration(ms)}`);
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  #connectTimer: NodeJS.Timeout | undefined;
  #call: OpenCall | null = null;
  /** Of the call that had the connection last; called when it closes. */
  #release: () => void = () => {};
  #isReused = false;

  constructor(options: ConnectionOptions) {
    const { address, connectTimeoutMs } = options;
    this.#options = options;
    this.#socket = openSocket(address);
    if (connectTimeoutMs > 0) {
      const onTimeout = () => this.#fail(notInTime(connectTimeoutMs));
      this.#connectTimer = setTimeout(onTimeout, connectTimeoutMs);
    }
    let isConnected = false;
    this.#socket.once("connect", () => {
      isConnected = true;
      clearTimeout(this.#connectTimer);
      if (this.#call?.isOver !== false) return;
      this.#call.sendHead();
      this.#call.handler.onConnect();
    });
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("drain", () => this.#call?.handler.onDrain());
    this.#socket.once("end", () => this.#ended());
    this.#socket.on("error", (error) =>
      this.#fail(toUpstreamError(error, { isConnected, address })),
    );
    this.#socket.once("close", () => {
      clearTimeout(this.#connectTimer);
      this.#ended();
      options.onClose(this);
      this.#release();
    });
  }

  /** Whether another request may be sent. */
  get isUsable(): boolean {
    return this.#call === null && this.#socket.readable && this.#socket.writable;
  }

  /** MUST only be called while it is usable, or right after it was made. */
  send(message: RequestMessage, handler: ResponseHandler): Call {
    const call = new OpenCall(this.#socket, message, handler, this.#options.maxHeadBytes);
    this.#call = call;
    this.#release = () => call.release();
    if (call.isConnected) call.sendHead();
    return call;
  }

  /** Whoever waits for an answer is told that it broke off. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const call = this.#call;
    // Nobody asked: it would be read as the next answer.
    if (!call || call.isOver) return void this.#socket.destroy();
    this.#read(call, () => call.receive(chunk));
  }

  #ended(): void {
    const call = this.#call;
    if (!call || call.isOver) return;
    this.#read(call, () => call.receiveEnd());
  }

  /** @param read returns how many bytes it left. */
  #read(call: OpenCall, read: () => number): void {
    let left = 0;
    try {
      left = read();
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      return this.#fail(error);
    }
    if (call.isComplete) this.#finish(call, left);
  }

  #finish(call: OpenCall, left: number): void {
    this.#call = null;
    // Bytes behind the answer, or a request that was not sent to its end: where the next one begins is uncertain.
    if (left > 0 || !call.isKept) return void this.#socket.destroy();
    this.#isReused = true;
    this.#socket.resume();
    // What the app has sent too much may be here already: it is seen before the connection is used again.
    setImmediate(() => {
      if (!this.isUsable) return;
      this.#options.onFree(this, call.keepAliveMs);
      call.release();
    });
  }

  #fail(error: UpstreamError): void {
    const call = this.#call;
    this.#call = null;
    this.#socket.destroy();
    if (!call || call.isOver) return;
    const { isAnswered } = call;
    call.fail(error, isStale({ isReused: this.#isReused, isAnswered, code: error.code }));
  }
}
