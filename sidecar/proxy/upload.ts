/** Sends a request's body to the app, as fast as the app takes it. */

import type { IncomingMessage } from "node:http";
import type { Call } from "./http1/call.ts";

/**
 * What comes in after it was stopped is read and dropped: the client's connection has still to carry the answer, and
 * the next request.
 */
export class Upload {
  readonly #req: IncomingMessage;
  readonly #stop: () => void;
  #isBlocked = false;
  #isComplete = false;

  /** @param onChunk told the bytes received so far, before they are sent; it may stop the upload. */
  constructor(req: IncomingMessage, call: Call, onChunk: (receivedBytes: number) => void) {
    this.#req = req;
    let receivedBytes = 0;
    const send = (chunk: Buffer): void => {
      receivedBytes += chunk.length;
      onChunk(receivedBytes);
      if (call.write(chunk)) return;
      this.#isBlocked = true;
      req.pause();
    };
    const end = (): void => {
      this.#isComplete = true;
      call.end();
    };
    req.on("data", send);
    req.once("end", end);
    this.#stop = () => {
      req.off("data", send);
      req.off("end", end);
    };
  }

  /** The app has taken all that came, and waits for more. */
  get isClientsTurn(): boolean {
    return !this.#isComplete && !this.#isBlocked;
  }

  resume(): void {
    this.#isBlocked = false;
    this.#req.resume();
  }

  stop(): void {
    this.#stop();
    this.#isBlocked = false;
    this.#req.resume();
  }
}
