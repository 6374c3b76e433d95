/** One request of a connection at a time, in the order in which they came (RFC 9112 §9.3.2). */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { endLingering } from "./linger.ts";

export interface TurnsOptions {
  /** Answers a request to the end; called once it is its turn. */
  readonly answer: (req: IncomingMessage, res: ServerResponse) => void;
  /** Requests of all connections that may wait behind another one of theirs; some 3 KB each. */
  readonly maxWaiting: number;
  /** Called with the connection of a request that may not wait; MUST end its turns. */
  readonly onOverflow: (socket: Duplex) => void;
}

export interface Turns {
  /** Takes the next request of a connection: answered now, or once those before it are. */
  take(req: IncomingMessage, res: ServerResponse): void;
  /** The answer that is under way on a connection. */
  current(socket: Duplex): ServerResponse | undefined;
  /**
   * Nothing that comes on this connection from now on can be read as a request. What came before is answered; then
   * `close` is called, which has the last word. At once if there is nothing before it, or if what is wrong is the body
   * of a request to which nothing was sent yet. A body that goes wrong after that ends the connection without a word,
   * but for what of the answer was to be sent before that body was read.
   */
  end(socket: Duplex, close: () => void): void;
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** The requests of one connection. */
interface Line {
  current: Exchange | null;
  readonly waiting: Exchange[];
  close: (() => void) | null;
}

/**
 * Node hands out every request that it finds in what it reads, up to 64 KB at once, while the first is still being
 * answered. What is behind the first waits here, and no more is read meanwhile.
 */
export function createTurns({ answer, maxWaiting, onOverflow }: TurnsOptions): Turns {
  const lines = new WeakMap<Duplex, Line>();
  let waiting = 0;

  function take(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    const line = lines.get(socket) ?? addLine(socket);
    if (line.close) return;
    if (line.current === null) return begin(socket, line, { req, res });
    // As many as are free: nobody takes the places of all others.
    if (line.waiting.length >= maxWaiting - waiting) return onOverflow(socket);
    waiting += 1;
    line.waiting.push({ req, res });
    socket.pause();
  }

  function addLine(socket: Duplex): Line {
    const line: Line = { current: null, waiting: [], close: null };
    lines.set(socket, line);
    // Node resumes a connection when a request has come in whole, after this one was paused.
    socket.on("resume", () => {
      if (line.waiting.length > 0 || (line.close && line.current)) socket.pause();
    });
    socket.once("close", () => forgetWaiting(line));
    return line;
  }

  function begin(socket: Duplex, line: Line, exchange: Exchange): void {
    line.current = exchange;
    exchange.res.once("close", () => {
      line.current = null;
      next(socket, line);
    });
    answer(exchange.req, exchange.res);
  }

  function next(socket: Duplex, line: Line): void {
    // The last answer said `Connection: close`, or the client has left.
    if (!socket.writable) return forgetWaiting(line);
    const exchange = line.waiting.shift();
    if (!exchange) return line.close?.();
    waiting -= 1;
    if (line.waiting.length === 0 && !line.close) socket.resume();
    begin(socket, line, exchange);
  }

  function forgetWaiting(line: Line): void {
    waiting -= line.waiting.length;
    line.waiting.length = 0;
  }

  function end(socket: Duplex, close: () => void): void {
    const line = lines.get(socket);
    if (!line) return close();
    if (line.close) return;
    const { current } = line;
    const last = line.waiting.at(-1) ?? current;
    const isBodyBroken = last !== null && !last.req.complete;
    if (last === current && isBodyBroken && current?.res.headersSent) {
      if (!endLingering(current.res)) socket.destroy();
      return;
    }
    line.close = close;
    if (current === null || (last === current && isBodyBroken)) return close();
    if (isBodyBroken) {
      line.waiting.pop();
      waiting -= 1;
    }
    socket.pause();
  }

  return {
    take,
    end,
    current: (socket) => lines.get(socket)?.current?.res,
  };
}
