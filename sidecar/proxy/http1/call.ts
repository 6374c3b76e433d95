/** One request on a connection, and the response to it. */

import type { Socket } from "node:net";
import type { ResponseHead } from "./response-head.ts";
import { isRepeatable } from "../repeatable.ts";
import { ResponseReader, type ResponseListener } from "./response-reader.ts";
import type { UpstreamError } from "./upstream-error.ts";

export interface RequestMessage {
  readonly method: string;
  /** As it is sent, byte by byte, in latin1. */
  readonly target: string;
  /** Names and values in turn, in latin1: all that are sent, Host and those of the body's framing included. */
  readonly fields: readonly string[];
  /** How the body that is written is framed: `length` as it comes, for its length is in the fields. */
  readonly body: "none" | "length" | "chunked";
}

/** What becomes of a request. After `onEnd`, `onError` or `destroy` nothing is called but `onReleased`. */
export interface ResponseHandler {
  /** The connection, which was not there yet, was made. Before it no byte of the request was sent. */
  onConnect(): void;
  /**
   * `isAlone`: nothing of the body came with it. Interim responses (1xx) are left out. That of a request which may be
   * repeated comes with the first of the body, if it says how long that is.
   */
  onHead(head: ResponseHead, isAlone: boolean): void;
  onData(chunk: Buffer): void;
  /** Complete, with the last bytes of the body if they came with its end. What is left of the request is not sent. */
  onEnd(last: Buffer | null): void;
  /** The app takes more of the request's body. */
  onDrain(): void;
  /** `isStale`: as `isStale()` says; the request may be sent again. */
  onError(error: UpstreamError, isStale: boolean): void;
  /** Whatever became of it, even `destroy`: its connection is free for another request now, or closed. */
  onReleased(): void;
}

/** A request under way. */
export interface Call {
  /** If not, `onConnect` follows, or `onError`. */
  readonly isConnected: boolean;
  /** The head of the response has come, though it may wait for the body. */
  readonly hasHead: boolean;
  /** Sends a piece of the body, once it is connected; false: the next one has to wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** The body is complete. */
  end(): void;
  /** What the app sends waits, but for what is read already. */
  pause(): void;
  resume(): void;
  /** Ends it, and the connection with it. */
  destroy(): void;
}

export class OpenCall implements Call, ResponseListener {
  readonly handler: ResponseHandler;
  readonly #socket: Socket;
  readonly #message: RequestMessage;
  readonly #reader: ResponseReader;
  #head: ResponseHead | null = null;
  /** All of the request was written. */
  #isSent: boolean;
  #isAnswered = false;
  #isOver = false;
  #isReleased = false;

  constructor(
    socket: Socket,
    message: RequestMessage,
    handler: ResponseHandler,
    maxHeadBytes: number,
  ) {
    this.handler = handler;
    this.#socket = socket;
    this.#message = message;
    this.#isSent = message.body === "none";
    const { method } = message;
    const keepsHead = isRepeatable(message);
    this.#reader = new ResponseReader({ method, maxHeadBytes, keepsHead }, this);
  }

  get isConnected(): boolean {
    return !this.#socket.connecting;
  }

  get hasHead(): boolean {
    return this.#reader.hasHead;
  }

  /** Nobody is told anything any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A byte of the response came. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** The response is there to its end. */
  get isComplete(): boolean {
    return this.#isOver && this.#reader.isDone;
  }

  /** Of a complete one: the connection may be used again. */
  get isKept(): boolean {
    return this.#isSent && this.#head?.isKept === true;
  }

  get keepAliveMs(): number | undefined {
    return this.#head?.keepAliveMs;
  }

  sendHead(): void {
    const { method, target, fields, body } = this.#message;
    let text = `${method} ${target} HTTP/1.1\r\n`;
    for (let index = 0; index + 1 < fields.length; index += 2) {
      text += `${fields[index]}: ${fields[index + 1]}\r\n`;
    }
    const socket = this.#socket;
    if (body !== "none") {
      // What has come of the body goes into the same packet.
      socket.cork();
      queueMicrotask(() => socket.uncork());
    }
    socket.write(`${text}\r\n`, "latin1");
  }

  /** @returns the number of bytes behind the end of the response. @throws UpstreamError */
  receive(chunk: Buffer): number {
    this.#isAnswered = true;
    return this.#reader.push(chunk);
  }

  /** The connection has ended. @returns 0. @throws UpstreamError if the response has not. */
  receiveEnd(): number {
    this.#reader.end();
    return 0;
  }

  onHead(head: ResponseHead, isAlone: boolean): void {
    this.#head = head;
    this.handler.onHead(head, isAlone);
  }

  onData(chunk: Buffer): void {
    this.handler.onData(chunk);
  }

  onEnd(last: Buffer | null): void {
    this.#isOver = true;
    this.handler.onEnd(last);
  }

  fail(error: UpstreamError, isStale: boolean): void {
    this.#isOver = true;
    this.handler.onError(error, isStale);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.handler.onReleased();
  }

  write(chunk: Buffer): boolean {
    if (this.#isOver || chunk.length === 0) return true;
    const socket = this.#socket;
    if (this.#message.body === "length") return socket.write(chunk);
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    socket.write(chunk);
    const isTaken = socket.write("\r\n", "latin1");
    socket.uncork();
    return isTaken;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isSent = true;
    if (this.#message.body === "chunked") this.#socket.write("0\r\n\r\n", "latin1");
  }

  pause(): void {
    if (!this.#isOver) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#socket.resume();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader.stop();
    this.#socket.destroy();
  }
}
