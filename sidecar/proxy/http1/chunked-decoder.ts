/** Decodes the chunked transfer coding as it arrives (RFC 9112 §7.1). */

import { unreadable } from "./upstream-error.ts";

/** Longest line of a chunk's size with its extensions. */
const maxSizeLineBytes = 1_024;
/** All lines behind the last chunk; they are dropped, as are the fields in them. */
const maxTrailerBytes = 16 * 1_024;

const crlf = Buffer.from("\r\n");

type State =
  | { readonly kind: "size" }
  | { readonly kind: "data"; left: number }
  | { readonly kind: "data_end" }
  | { readonly kind: "trailer"; bytes: number }
  | { readonly kind: "done" };

export class ChunkedDecoder {
  #state: State = { kind: "size" };
  /** The beginning of a line whose end has not come yet. */
  #line: Buffer = Buffer.alloc(0);

  get isDone(): boolean {
    return this.#state.kind === "done";
  }

  /**
   * @param onData called with each piece of the content.
   * @returns what stands behind the end of the body.
   * @throws UpstreamError `bad_response`
   */
  push(chunk: Buffer, onData: (data: Buffer) => void): Buffer {
    let rest = chunk;
    while (rest.length > 0 && this.#state.kind !== "done") {
      if (this.#state.kind === "data") {
        const data = rest.subarray(0, this.#state.left);
        rest = rest.subarray(data.length);
        this.#state.left -= data.length;
        if (this.#state.left === 0) this.#state = { kind: "data_end" };
        onData(data);
      } else {
        rest = this.#readLine(rest);
      }
    }
    return rest;
  }

  #readLine(bytes: Buffer): Buffer {
    const joined = this.#line.length === 0 ? bytes : Buffer.concat([this.#line, bytes]);
    const end = joined.indexOf(crlf);
    const length = end === -1 ? joined.length : end;
    const limit = this.#state.kind === "trailer" ? maxTrailerBytes : maxSizeLineBytes;
    if (length > limit) throw unreadable("a line of a chunked body is too long");
    if (end === -1) {
      if (joined.includes(10)) throw unreadable("a line of a chunked body ends with LF alone");
      this.#line = joined;
      return joined.subarray(joined.length);
    }
    this.#line = Buffer.alloc(0);
    this.#state = nextState(this.#state, joined.toString("latin1", 0, end));
    return joined.subarray(end + crlf.length);
  }
}

function isText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function nextState(state: State, line: string): State {
  switch (state.kind) {
    case "size": {
      // No sign, no prefix, no blank; 13 digits are below 2^53.
      const [, digits, extension = ""] = /^([0-9a-f]{1,13})(;.*)?$/i.exec(line) ?? [];
      if (digits === undefined) throw unreadable("a malformed chunk size");
      if (!isText(extension)) throw unreadable("a malformed chunk extension");
      const left = Number.parseInt(digits, 16);
      return left === 0 ? { kind: "trailer", bytes: 0 } : { kind: "data", left };
    }
    case "data_end":
      if (line !== "") throw unreadable("a chunk longer than its size");
      return { kind: "size" };
    case "trailer": {
      if (line === "") return { kind: "done" };
      if (/[\r\n\0]/.test(line)) throw unreadable("a malformed trailer");
      const bytes = state.bytes + line.length;
      if (bytes > maxTrailerBytes) throw unreadable("too many trailers");
      return { kind: "trailer", bytes };
    }
    case "data":
    case "done":
      return state;
  }
}
