/** One response, read from the bytes of a connection as they come. */

import { ChunkedDecoder } from "./chunked-decoder.ts";
import { parseHead, type BodyFraming, type ResponseHead } from "./response-head.ts";
import { UpstreamError, unreadable } from "./upstream-error.ts";

export interface ResponseListener {
  /** `isAlone`: nothing of the body has come with it. Interim responses (1xx) are left out. */
  onHead(head: ResponseHead, isAlone: boolean): void;
  onData(chunk: Buffer): void;
  /** The response is complete. With the last bytes of its body, if they came in one piece with its end. */
  onEnd(last: Buffer | null): void;
}

const endOfHead = Buffer.from("\r\n\r\n");

export class ResponseReader {
  readonly #method: string;
  readonly #maxHeadBytes: number;
  readonly #listener: ResponseListener;
  /** Of a head that is not all there. */
  #begun: Buffer | null = null;
  /** Of interim responses, which count for the head that they precede. */
  #interimBytes = 0;
  #body: BodyState | null = null;
  #isDone = false;

  /** @param maxHeadBytes of a head, interim responses before it included. */
  constructor(method: string, maxHeadBytes: number, listener: ResponseListener) {
    this.#method = method;
    this.#maxHeadBytes = maxHeadBytes;
    this.#listener = listener;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Nobody listens any more. */
  stop(): void {
    this.#isDone = true;
  }

  /**
   * @returns how many bytes stand behind the end of the response.
   * @throws UpstreamError `bad_response` or `head_too_large`
   */
  push(chunk: Buffer): number {
    let rest = chunk;
    while (!this.#isDone && this.#body === null) {
      const after = this.#readHead(rest);
      if (after === null) return 0;
      rest = after;
    }
    return this.#body && !this.#isDone ? this.#readBody(this.#body, rest) : rest.length;
  }

  /**
   * The other side has ended the connection.
   *
   * @throws UpstreamError `no_response` or `response_cut`
   */
  end(): void {
    if (this.#isDone) return;
    if (this.#body?.kind === "until_close") return this.#complete(null);
    if (this.#body) throw new UpstreamError("response_cut", "the body broke off");
    const isBegun = this.#begun !== null || this.#interimBytes > 0;
    throw new UpstreamError(
      "no_response",
      isBegun
        ? "the app closed the connection in the head of its answer"
        : "the app closed the connection without an answer",
      "ECONNRESET",
    );
  }

  /** What follows the head; null if it is not all there. */
  #readHead(chunk: Buffer): Buffer | null {
    const begun = this.#begun;
    const bytes = begun ? Buffer.concat([begun, chunk]) : chunk;
    const end = bytes.indexOf(endOfHead, begun ? Math.max(0, begun.length - 3) : 0);
    const length = end === -1 ? bytes.length : end;
    if (this.#interimBytes + length > this.#maxHeadBytes) {
      throw new UpstreamError("head_too_large", `a head of more than ${this.#maxHeadBytes} bytes`);
    }
    if (end === -1) {
      if (!isStatusLineBegun(bytes)) throw unreadable("it does not begin with HTTP/1.");
      if (hasBareLf(bytes, begun?.length ?? 0)) throw unreadable("a line ends with LF alone");
      this.#begun = bytes;
      return null;
    }
    this.#begun = null;
    const head = parseHead(bytes.toString("latin1", 0, end), this.#method);
    const rest = bytes.subarray(end + endOfHead.length);
    if (head.status >= 100 && head.status < 200) {
      if (head.status === 101) throw unreadable("101 to a request without Upgrade");
      this.#interimBytes += length + endOfHead.length;
      return rest;
    }
    this.#body = bodyState(head.body);
    const isEmpty = head.body.kind === "length" && head.body.bytes === 0;
    this.#listener.onHead(head, rest.length === 0 && !isEmpty);
    if (isEmpty) this.#complete(null);
    return rest;
  }

  #readBody(body: BodyState, bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    if (body.kind === "until_close") {
      this.#listener.onData(bytes);
      return 0;
    }
    if (body.kind === "length") {
      const data = bytes.length > body.left ? bytes.subarray(0, body.left) : bytes;
      body.left -= data.length;
      if (body.left > 0) this.#listener.onData(data);
      else this.#complete(data);
      return bytes.length - data.length;
    }
    const { decoder } = body;
    const rest = decoder.push(bytes, (data) => {
      if (!this.#isDone) this.#listener.onData(data);
    });
    if (decoder.isDone) this.#complete(null);
    return rest.length;
  }

  #complete(last: Buffer | null): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#listener.onEnd(last);
  }
}

type BodyState =
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunked"; readonly decoder: ChunkedDecoder }
  | { readonly kind: "until_close" };

function bodyState(framing: BodyFraming): BodyState {
  switch (framing.kind) {
    case "length":
      return { kind: "length", left: framing.bytes };
    case "chunked":
      return { kind: "chunked", decoder: new ChunkedDecoder() };
    case "until_close":
      return { kind: "until_close" };
  }
}

/** Of such a head the end would be waited for in vain. */
function hasBareLf(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at - 1] !== 13) return true;
  }
  return false;
}

/** What is no HTTP is not waited for until it is as long as a head may be. */
function isStatusLineBegun(bytes: Buffer): boolean {
  const begin = "HTTP/1.";
  const length = Math.min(begin.length, bytes.length);
  return bytes.toString("latin1", 0, length) === begin.slice(0, length);
}
