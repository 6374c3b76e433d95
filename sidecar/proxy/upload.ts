/**
 * Sends a request's body to the app, as fast as the app takes it. A body that had to wait is only sent if its client is
 * still there.
 */

import type { IncomingMessage } from "node:http";
import { Gathered } from "../http/gathered.ts";
import { bodyOf, Reading } from "../http/read-turns.ts";
import type { Call } from "./http1/call.ts";

/** Where a body goes. */
type Destination = Pick<Call, "write" | "end">;

export interface UploadOptions {
  readonly req: IncomingMessage;
  /** As `visitorOf` gives it. */
  readonly visitor: string;
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
  readonly #reading: Reading;
  readonly #gathered = new Gathered((bytes) => this.#receive(bytes));
  readonly #onEnd = (): void => this.#end();
  #call: Destination | null = null;
  /** What came before there was somewhere to send it; of a body that has waited, what came last. */
  #unsent: Buffer | null = null;
  /** The first of it has come. */
  #hasBegun = false;
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
    const { req, visitor } = options;
    this.#reading = new Reading(bodyOf(req), visitor);
    req.on("data", (piece: Buffer) => this.#take(piece));
    req.once("end", this.#onEnd);
    req.once("close", () => this.#reading.stop());
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
    if (!this.#isBlocked) this.#reading.unblock();
  }

  /** The app takes more: the next piece, when it is its turn. */
  resume(): void {
    this.#isBlocked = false;
    if (this.#isStopped) return;
    this.#reading.unblock();
    if (this.#call && this.#isCautious) this.#sendLater(this.#call);
  }

  /** What else comes is read and dropped: the client's connection has still to carry the answer, and the next request. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#gathered.clear();
    this.#options.req.off("end", this.#onEnd);
    this.#reading.unblock();
  }

  #take(piece: Buffer): void {
    this.#reading.took(piece);
    if (this.#isStopped) return;
    if (this.#hasBegun) this.#gathered.push(piece);
    else this.#receiveFirst(piece);
  }

  #receive(chunk: Buffer): void {
    const call = this.#call;
    // It was read with the first.
    if (!call) return this.#keep(chunk);
    if (!this.#isCautious) return this.#send(call, chunk);
    const before = this.#unsent;
    this.#unsent = chunk;
    if (before) this.#send(call, before);
    this.#sendLater(call);
  }

  #receiveFirst(chunk: Buffer): void {
    this.#hasBegun = true;
    this.#unsent = chunk;
    this.#options.onFirst();
    if (this.#call || this.#isStopped) return;
    this.#hasWaited = true;
    this.#reading.block();
  }

  #keep(chunk: Buffer): void {
    this.#unsent = this.#unsent ? Buffer.concat([this.#unsent, chunk]) : chunk;
  }

  #send(call: Destination, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#options.onChunk(this.#receivedBytes);
    if (this.#isStopped || call.write(chunk)) return;
    this.#isBlocked = true;
    this.#reading.block();
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
    this.#gathered.flush();
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
