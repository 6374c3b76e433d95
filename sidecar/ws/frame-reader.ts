/**
 * Reads a client's frames (RFC 6455 §5) strictly: the first fault ends it. An idle connection keeps nothing here; an
 * incomplete frame is kept in one piece until the rest has come, and so are a message's fragments.
 */

import { isUtf8 } from "node:buffer";
import { goneCode, noCode } from "../core/close-codes.ts";
import { frameHeadAt, opcodes, unmask, type FrameHead } from "./frame-head.ts";
import { inflate, type InflateFault } from "./inflate.ts";

export interface FrameReaderOptions {
  /** Maximum size of a message: all fragments together, and after inflating. */
  readonly maxMessageBytes: number;
}

/** Faults, by the close code of RFC 6455 §7.4.1 that answers them. */
export type FaultCode = 1002 | 1007 | 1008 | 1009;

/** Payloads are only valid during the call. No calls follow `onClose` or `onFault`. */
export interface FrameListener {
  /** A whole message; a binary one may not be UTF-8. */
  onMessage(payload: Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The client's close; 1005: without a code. */
  onClose(code: number, reason: Buffer): void;
  onFault(code: FaultCode): void;
}

/** More than any client needs: hardly any fragments its messages. */
const maxFragments = 64;

const inflateFaults: Readonly<Record<InflateFault, FaultCode>> = {
  too_long: 1009,
  too_many_streams: 1008,
  broken: 1007,
};

/** A message whose last fragment has not come yet. */
interface Message {
  readonly opcode: number;
  readonly isCompressed: boolean;
  readonly fragments: Buffer[];
  /** Empty ones too. */
  count: number;
  bytes: number;
}

export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #listener: FrameListener;
  /** Whether permessage-deflate was negotiated. */
  readonly #isDeflated: boolean;
  #message: Message | null = null;
  /** Starts with the beginning of a frame. */
  #kept: Buffer = nothing;
  #keptBytes = 0;
  #isOver = false;

  constructor(
    options: FrameReaderOptions,
    { listener, isDeflated }: { listener: FrameListener; isDeflated: boolean },
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#isDeflated = isDeflated;
  }

  /** Takes the next bytes; they may be overwritten (unmasked in place), and are not kept. */
  push(chunk: Buffer): void {
    if (this.#isOver) return;
    const bytes = this.#append(chunk);
    let at = 0;
    for (;;) {
      const head = frameHeadAt(bytes, at);
      if (head === null) break;
      const fault = this.#faultOf(head);
      if (fault !== null) return this.#fail(fault);
      const end = head.payloadStart + head.length;
      if (bytes.length < end) break;
      const payload = bytes.subarray(head.payloadStart, end);
      unmask(payload, bytes, head.payloadStart - 4);
      at = end;
      this.#take(head, payload);
      if (this.#isOver) return;
    }
    this.#keep(bytes, at);
  }

  /** Amortized constant time per byte, however small the pieces of a frame are. */
  #append(chunk: Buffer): Buffer {
    if (this.#keptBytes === 0) return chunk;
    const length = this.#keptBytes + chunk.length;
    if (length > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    chunk.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = length;
    return this.#kept.subarray(0, length);
  }

  #keep(bytes: Buffer, from: number): void {
    const isKept = from === 0 && this.#keptBytes === bytes.length;
    if (isKept) return;
    this.#keptBytes = bytes.length - from;
    this.#kept = this.#keptBytes === 0 ? nothing : copyOf(bytes.subarray(from));
  }

  #faultOf(head: FrameHead): FaultCode | null {
    const { opcode, isLast, isCompressed, length } = head;
    if (head.hasReservedBits || !head.isMasked || !head.isMinimal) return 1002;
    if (opcode >= opcodes.close) {
      const isKnown = opcode <= opcodes.pong;
      return isKnown && isLast && !isCompressed && length <= 125 ? null : 1002;
    }
    if (opcode > opcodes.binary) return 1002;
    const isContinuation = opcode === opcodes.continuation;
    if (isContinuation !== (this.#message !== null)) return 1002;
    if (isCompressed && (isContinuation || !this.#isDeflated)) return 1002;
    if ((this.#message?.count ?? 0) >= maxFragments) return 1008;
    return (this.#message?.bytes ?? 0) + length > this.#options.maxMessageBytes ? 1009 : null;
  }

  #take({ opcode, isLast, isCompressed }: FrameHead, payload: Buffer): void {
    switch (opcode) {
      case opcodes.ping:
        return this.#listener.onPing(payload);
      case opcodes.pong:
        return this.#listener.onPong(payload);
      case opcodes.close:
        return this.#close(payload);
    }
    if (this.#message === null && isLast) return this.#deliver(opcode, isCompressed, payload);
    const message = (this.#message ??= {
      opcode,
      isCompressed,
      fragments: [],
      count: 0,
      bytes: 0,
    });
    message.count += 1;
    message.bytes += payload.length;
    if (payload.length > 0) message.fragments.push(copyOf(payload));
    if (!isLast) return;
    this.#message = null;
    this.#deliver(message.opcode, message.isCompressed, Buffer.concat(message.fragments));
  }

  #deliver(opcode: number, isCompressed: boolean, payload: Buffer): void {
    const message = isCompressed ? inflate(payload, this.#options.maxMessageBytes) : payload;
    if (typeof message === "string") return this.#fail(inflateFaults[message]);
    if (opcode === opcodes.text && !isUtf8(message)) return this.#fail(1007);
    this.#listener.onMessage(message);
  }

  #close(payload: Buffer): void {
    if (payload.length === 0) {
      this.#end();
      return this.#listener.onClose(noCode, payload);
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (!mayBeSent(code)) return this.#fail(1002);
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) return this.#fail(1007);
    this.#end();
    this.#listener.onClose(code, reason);
  }

  #fail(code: FaultCode): void {
    this.#end();
    this.#listener.onFault(code);
  }

  #end(): void {
    this.#isOver = true;
    this.#message = null;
    this.#kept = nothing;
    this.#keptBytes = 0;
  }
}

const nothing = Buffer.alloc(0);

/** RFC 6455 §7.4.2, and the codes that IANA has registered since. */
function mayBeSent(code: number): boolean {
  if (code >= 3_000) return code <= 4_999;
  return code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== noCode && code !== goneCode;
}

/** A copy that keeps neither the network's buffer nor the pool in memory. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
