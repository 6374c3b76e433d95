/** HTTP byte by byte, for tests: sockets that send what no client library would, and show exactly what came back. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { waitFor } from "./eventually.ts";

/** What cleans up when a test ends; a `TestContext` of node:test is one. */
export interface Cleanup {
  after(clean: () => void | Promise<void>): void;
}

/** One end of a TCP connection that remembers everything it received. */
export class RawSocket {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #hasEnded = false;
  #wasReset = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on("end", () => (this.#hasEnded = true));
    socket.on("error", () => (this.#wasReset = true));
  }

  /** Everything received, one character a byte. */
  get text(): string {
    return this.bytes.toString("latin1");
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The other side has ended its half, or the connection is gone. */
  get hasEnded(): boolean {
    return this.#hasEnded || this.socket.destroyed;
  }

  /** The connection broke, instead of ending. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** A string goes out one byte a character. */
  write(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** Waits until `text` holds `wanted`; resolves with all text so far. */
  async until(wanted: string | RegExp | ((text: string) => boolean)): Promise<string> {
    const isThere =
      typeof wanted === "function"
        ? wanted
        : (text: string) =>
            typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
    await waitFor(
      () => isThere(this.text) || (this.socket.destroyed ? "closed" : false),
      () => `${String(wanted)} in ${JSON.stringify(this.text.slice(0, 2000))}`,
    );
    if (!isThere(this.text)) throw new Error(`closed before ${String(wanted)}: ${this.text}`);
    return this.text;
  }

  /** Waits until the other side has ended; resolves with all text. */
  async untilEnd(): Promise<string> {
    await waitFor(
      () => this.hasEnded,
      () => `the end of ${JSON.stringify(this.text.slice(0, 2000))}`,
    );
    return this.text;
  }

  /** Sends a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** @param from an address of this machine, for a client that is another visitor */
export async function connectRaw(test: Cleanup, port: number, from?: string): Promise<RawSocket> {
  const where = { port, host: "127.0.0.1", ...(from !== undefined && { localAddress: from }) };
  const socket = connect({ ...where, allowHalfOpen: true });
  test.after(() => void socket.destroy());
  const raw = new RawSocket(socket);
  await once(socket, "connect");
  return raw;
}

/** Sends bytes on a connection of their own and resolves with all that came until the server ended it. */
export async function exchangeRaw(test: Cleanup, port: number, bytes: string): Promise<string> {
  const client = await connectRaw(test, port);
  const text = await client.write(bytes).untilEnd();
  client.socket.destroy();
  return text;
}

/** A server of raw sockets. `connections` holds all it ever accepted. */
export interface RawServer {
  readonly port: number;
  readonly connections: readonly RawSocket[];
  /** Waits for connection number `index`, counted from 0. */
  connection(index: number): Promise<RawSocket>;
  /** Stops listening and resets what is open. */
  stop(): Promise<void>;
}

/** @param options.path listens on a unix socket instead of a port; `port` is then 0. */
export async function listenRaw(
  test: Cleanup,
  onConnection: (socket: RawSocket) => void = () => {},
  options: { port?: number; path?: string } = {},
): Promise<RawServer> {
  const connections: RawSocket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const raw = new RawSocket(socket);
    connections.push(raw);
    onConnection(raw);
  });
  const port = await listen(
    test,
    server,
    options.path === undefined ? { port: options.port ?? 0 } : { path: options.path },
  );
  return {
    port,
    connections,
    async connection(index) {
      await waitFor(
        () => connections[index],
        () => `connection ${index}`,
      );
      const connection = connections[index];
      if (!connection) throw new Error("unreachable");
      return connection;
    },
    async stop() {
      for (const connection of connections) connection.reset();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** Listens on 127.0.0.1 until the test ends, and resets then what is open; resolves with the port. */
export async function listen(
  test: Cleanup,
  server: Server,
  where: { port: number } | { path: string } = { port: 0 },
): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  test.after(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => void server.close(resolve));
  });
  server.listen("path" in where ? where : { port: where.port, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

export interface RawMessage {
  readonly startLine: string;
  /** Of a response; 0 for a request. */
  readonly status: number;
  /** As received. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Values of one field, whatever its case. */
  values(name: string): string[];
  /** Content, with the chunked coding removed. */
  readonly body: string;
  /** What follows this message on the connection. */
  readonly rest: string;
}

/** Reads the first message of `text`; throws if it is not all there (a body without framing runs to the end). */
export function parseMessage(text: string, options: { isHead?: boolean } = {}): RawMessage {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) throw new Error(`no whole head: ${JSON.stringify(text.slice(0, 500))}`);
  const [startLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const fields = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const values = (name: string) =>
    fields
      .filter(([field]) => field.toLowerCase() === name.toLowerCase())
      .map(([, value]) => value);
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(startLine)?.[1] ?? 0);
  const after = text.slice(headEnd + 4);
  const { body, rest } = readBody(after);
  return { startLine, status, fields, values, body, rest };

  function readBody(content: string): { body: string; rest: string } {
    if (options.isHead || status === 204 || status === 304) return { body: "", rest: content };
    if (values("transfer-encoding").includes("chunked")) return readChunks(content);
    const length = values("content-length")[0];
    if (length === undefined) {
      return status === 0 ? { body: "", rest: content } : { body: content, rest: "" };
    }
    const isCut = content.length < Number(length);
    if (isCut) throw new Error(`body cut: ${content.length} of ${length}`);
    return { body: content.slice(0, Number(length)), rest: content.slice(Number(length)) };
  }
}

/** True once `text` starts with one whole message. */
export function hasMessage(text: string, options: { isHead?: boolean } = {}): boolean {
  try {
    parseMessage(text, options);
    return true;
  } catch {
    return false;
  }
}

function readChunks(content: string): { body: string; rest: string } {
  let body = "";
  let rest = content;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(rest);
    if (!size) throw new Error(`chunk cut: ${JSON.stringify(rest.slice(0, 100))}`);
    const length = parseInt(size[1] ?? "", 16);
    const start = size[0].length;
    if (rest.length < start + length + 2) throw new Error("chunk cut");
    body += rest.slice(start, start + length);
    rest = rest.slice(start + length + 2);
    if (length === 0) return { body, rest };
  }
}
