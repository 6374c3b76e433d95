/** Sends a request's body to the app, as fast as the app takes it. */

import type { IncomingMessage } from "node:http";
import type { Call } from "./http1/call.ts";

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
  #call: Call | null = null;
  /** What came before there was somewhere to send it. */
  #first: Buffer | null = null;
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
  begin(call: Call): void {
    this.#call = call;
    if (this.#first) this.#send(call, this.#first);
    this.#first = null;
    if (this.#isStopped) return;
    if (this.#isComplete) call.end();
    else if (!this.#isBlocked) this.#options.req.resume();
  }

  /** The app takes more. */
  resume(): void {
    this.#isBlocked = false;
    this.#options.req.resume();
  }

  /** What else comes is read and dropped: the client's connection has still to carry the answer, and the next request. */
  stop(): void {
    const { req } = this.#options;
    this.#isStopped = true;
    req.off("data", this.#onData);
    req.off("end", this.#onEnd);
    req.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.#call) return this.#send(this.#call, chunk);
    this.#first = chunk;
    this.#options.onFirst();
    // It waits for its turn.
    if (this.#first) this.#options.req.pause();
  }

  #send(call: Call, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#options.onChunk(this.#receivedBytes);
    if (this.#isStopped || call.write(chunk)) return;
    this.#isBlocked = true;
    this.#options.req.pause();
  }

  #end(): void {
    this.#isComplete = true;
    if (this.#call) return this.#call.end();
    // The end of a body that came in one piece may come although it is paused.
    if (!this.#first) this.#options.onFirst();
  }
}
