/**
 * Sends a request's body to the app, as fast as the app takes it. A body that had to wait is only sent if its client is
 * still there.
 */

import type { IncomingMessage } from "node:http";
import { goOnInTurn, pauseForTurn } from "../http/pause-for-turn.ts";
import type { Call } from "./http1/call.ts";

/** Where a body goes. */
type Destination = Pick<Call, "write" | "end">;

export interface UploadOptions {
  readonly req: IncomingMessage;
  /**
   * The first bytes have come, or the end: a request whose body does not come takes nothing of the app, no connection
   * and no worker that waits for it. MUST lead to `begin`, sooner or later, or to `stop`; what comes next stays unread.
   */
  readonly onFirst: () => void;
  /** Told the bytes received so far, before they are sent; may stop the upload. */
  readonly onChunk: (receivedBytes: number) => void;
}

export class Upload {
  readonly #options: UploadOptions;
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  readonly #onEnd = (): void => this.#end();
  /** Behind a whole body the client is watched, as ever. */
  readonly #leaveUnread = (): void => {
    const { complete, socket } = this.#options.req;
    if (!complete) socket.pause();
  };
  #call: Destination | null = null;
  /** What came before there was somewhere to send it; of a body that has waited, what came last. */
  #unsent: Buffer | null = null;
  /** Until there was somewhere to send it; meanwhile nothing was read. */
  #hasWaited = false;
  /**
   * A client that has given up while it waited is found behind the last byte that it sent, and by then the app would have
   * the whole request: so the last bytes stay here until it could have been found.
   */
  #isCautious = false;
  /** How often it was begun to look for that. */
  #looks = 0;
  #receivedBytes = 0;
  #isBlocked = false;
  #isComplete = false;
  #isStopped = false;

  constructor(options: UploadOptions) {
    this.#options = options;
    options.req.on("data", this.#onData);
    options.req.once("end", this.#onEnd);
  }

  /** The app has taken all that came, and waits for more. */
  get isClientsTurn(): boolean {
    return !this.#isComplete && !this.#isBlocked;
  }

  /** From now on the body goes to `call`. */
  begin(call: Destination): void {
    this.#call = call;
    this.#isCautious = this.#hasWaited && !this.#options.req.complete;
    if (this.#isCautious) this.#sendLater(call);
    else this.#finish(call);
    if (!this.#isStopped && !this.#isBlocked) this.#read();
  }

  /** The app takes more: the next piece, when it is its turn. */
  resume(): void {
    goOnInTurn(() => {
      this.#isBlocked = false;
      if (this.#isStopped) return;
      this.#read();
      if (this.#call && this.#isCautious) this.#sendLater(this.#call);
    });
  }

  /** What else comes is read and dropped: the client's connection has still to carry the answer, and the next request. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#isComplete) return;
    const { req } = this.#options;
    req.off("data", this.#onData);
    req.off("end", this.#onEnd);
    req.on("data", () => pauseForTurn(req));
    this.#read();
  }

  #receive(chunk: Buffer): void {
    const call = this.#call;
    if (!call) return this.#receiveFirst(chunk);
    if (!this.#isCautious) return this.#send(call, chunk);
    const before = this.#unsent;
    this.#unsent = chunk;
    if (before) this.#send(call, before);
    this.#sendLater(call);
  }

  #receiveFirst(chunk: Buffer): void {
    this.#unsent = chunk;
    this.#options.onFirst();
    if (this.#call || this.#isStopped) return;
    this.#hasWaited = true;
    const { req } = this.#options;
    req.pause();
    // Node would go on and read ahead, twice as much as came. What was looked at before is whole by now.
    this.#leaveUnread();
    req.socket.on("resume", this.#leaveUnread);
  }

  #read(): void {
    const { req } = this.#options;
    req.resume();
    if (!this.#hasWaited) return;
    req.socket.off("resume", this.#leaveUnread);
    req.socket.resume();
  }

  #send(call: Destination, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#options.onChunk(this.#receivedBytes);
    if (this.#isStopped || call.write(chunk)) return;
    this.#isBlocked = true;
    this.#options.req.pause();
  }

  /** Sends the rest if nothing comes behind it, be it the end of the connection: then nobody waits for an answer. */
  #sendLater(call: Destination): void {
    this.#looks += 1;
    const look = this.#looks;
    onceRead(() => {
      if (look !== this.#looks || this.#isStopped || this.#isBlocked) return;
      if (!this.#options.req.socket.readableEnded) this.#finish(call);
    });
  }

  #finish(call: Destination): void {
    const unsent = this.#unsent;
    this.#unsent = null;
    if (unsent) this.#send(call, unsent);
    if (this.#isComplete && !this.#isStopped) call.end();
  }

  #end(): void {
    this.#isComplete = true;
    const call = this.#call;
    if (call && this.#isCautious) return this.#sendLater(call);
    if (call) return call.end();
    // The end of a body that came in one piece may come although it is paused.
    if (!this.#unsent) this.#options.onFirst();
  }
}

/** Once the event loop has read from all connections. */
function onceRead(run: () => void): void {
  // The first one follows the reading that is going on now.
  setImmediate(() => setImmediate(run));
}
