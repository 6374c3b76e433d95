/** Reads one response from the bytes of a connection as they arrive. */

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

export interface ResponseReaderOptions {
  /** Of the request. */
  readonly method: string;
  /** Of a head, interim responses before it included. */
  readonly maxHeadBytes: number;
  /**
   * A head that says how long the body is, is given with the first bytes of that: an app that was stopped in between has
   * not answered then.
   */
  readonly keepsHead: boolean;
}

const endOfHead = Buffer.from("\r\n\r\n");

export class ResponseReader {
  readonly #options: ResponseReaderOptions;
  readonly #listener: ResponseListener;
  /** Of a head that is not all there. */
  #begun: Buffer | null = null;
  /** Of interim responses, which count for the head that they precede. */
  #interimBytes = 0;
  #body: BodyState | null = null;
  #keptHead: ResponseHead | null = null;
  #isDone = false;

  constructor(options: ResponseReaderOptions, listener: ResponseListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** The head has come, be it kept or not. */
  get hasHead(): boolean {
    return this.#body !== null;
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
    const isBegun = this.#body !== null && this.#keptHead === null;
    if (isBegun) throw new UpstreamError("response_cut", "the body broke off");
    throw new UpstreamError("no_response", this.#describeLoss(), "ECONNRESET");
  }

  #describeLoss(): string {
    if (this.#keptHead) return "the app closed the connection behind the head of its answer";
    return this.#begun !== null || this.#interimBytes > 0
      ? "the app closed the connection in the head of its answer"
      : "the app closed the connection without an answer";
  }

  /** What follows the head; null if it is not all there. */
  #readHead(chunk: Buffer): Buffer | null {
    const begun = this.#begun;
    const bytes = begun ? Buffer.concat([begun, chunk]) : chunk;
    const end = bytes.indexOf(endOfHead, begun ? Math.max(0, begun.length - 3) : 0);
    const length = end === -1 ? bytes.length : end;
    const { method, maxHeadBytes } = this.#options;
    if (this.#interimBytes + length > maxHeadBytes) {
      throw new UpstreamError("head_too_large", `a head of more than ${maxHeadBytes} bytes`);
    }
    if (end === -1) {
      if (!isStatusLineBegun(bytes)) throw unreadable("it does not begin with HTTP/1.");
      if (hasBareLf(bytes, begun?.length ?? 0)) throw unreadable("a line ends with LF alone");
      this.#begun = bytes;
      return null;
    }
    this.#begun = null;
    const head = parseHead(bytes.toString("latin1", 0, end), method);
    const rest = bytes.subarray(end + endOfHead.length);
    if (head.status >= 100 && head.status < 200) {
      if (head.status === 101) throw unreadable("101 to a request without Upgrade");
      this.#interimBytes += length + endOfHead.length;
      return rest;
    }
    this.#body = bodyState(head.body);
    const isEmpty = head.body.kind === "length" && head.body.bytes === 0;
    const isAlone = rest.length === 0 && !isEmpty;
    const isKept = isAlone && head.body.kind === "length" && this.#options.keepsHead;
    if (isKept) this.#keptHead = head;
    else this.#listener.onHead(head, isAlone);
    if (isEmpty) this.#complete(null);
    return rest;
  }

  #readBody(body: BodyState, bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    if (this.#keptHead) this.#listener.onHead(this.#keptHead, false);
    this.#keptHead = null;
    // Nobody listens any more, upon that.
    if (this.#isDone) return 0;
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
