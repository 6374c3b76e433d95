/**
 * One request per connection at a time, in order of arrival (RFC 9112 §9.3.2). Of the requests that were read ahead,
 * over all connections, one begins per turn of the event loop.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { mayHaveMore } from "./fair-share.ts";
import { endLingering } from "./linger.ts";
import { visitorAt } from "./visitor.ts";

export interface TurnsOptions {
  /** Answers a request to the end; called once it is its turn. */
  readonly answer: (req: IncomingMessage, res: ServerResponse) => void;
  /**
   * Requests that may wait behind another one: of one connection, and of all together, shared between visitors; some 3 KB
   * each. A trusted proxy is one visitor here, for what it has read ahead is its own.
   */
  readonly maxWaitingEach: number;
  readonly maxWaiting: number;
  /** Runs its argument on a later turn of the event loop. @default setImmediate */
  readonly schedule?: (run: () => void) => void;
}

export interface Turns {
  /** Takes the next request of a connection: answered now, or once those before it are. */
  take(req: IncomingMessage, res: ServerResponse): void;
  /** The answer that is under way on a connection. */
  current(socket: Duplex): ServerResponse | undefined;
  /** Whether a request of the connection has no whole answer yet. */
  isBusy(socket: Duplex): boolean;
  /** Whether as many of them wait as may. */
  isFull(socket: Duplex): boolean;
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
  readonly socket: Duplex;
  current: Exchange | null;
  readonly waiting: Exchange[];
  close: (() => void) | null;
}

/**
 * Node hands out every request that it finds in what it reads, up to 64 KB at once, while the first is still being
 * answered. What is behind the first waits here, and no more is read meanwhile. Sixteen such clients could keep everybody
 * else waiting for seconds, if their next request began as soon as the one before it was answered.
 */
export function createTurns(options: TurnsOptions): Turns {
  const { answer, maxWaitingEach, maxWaiting, schedule = setImmediate } = options;
  const lines = new WeakMap<Duplex, Line>();
  /** Whose next request can be answered, the one first that has waited longest. */
  const ready: Line[] = [];
  let waiting = 0;
  const waitingOf = new Map<string, number>();

  function take(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    const line = lines.get(socket) ?? addLine(socket);
    if (line.close) return;
    if (!isUnderWay(line)) return begin(line, { req, res });
    count(line, 1);
    line.waiting.push({ req, res });
    socket.pause();
  }

  function addLine(socket: Duplex): Line {
    const line: Line = { socket, current: null, waiting: [], close: null };
    lines.set(socket, line);
    // Node resumes a connection when a request has come in whole, after this one was paused.
    socket.on("resume", () => {
      if (line.waiting.length > 0 || (line.close && line.current)) socket.pause();
    });
    socket.once("close", () => forgetWaiting(line));
    return line;
  }

  function isUnderWay({ current, waiting }: Line): boolean {
    return current !== null || waiting.length > 0;
  }

  function begin(line: Line, exchange: Exchange): void {
    line.current = exchange;
    exchange.res.once("close", () => {
      line.current = null;
      if (line.waiting.length === 0) return ended(line);
      ready.push(line);
      if (ready.length === 1) schedule(serveNext);
    });
    answer(exchange.req, exchange.res);
  }

  function serveNext(): void {
    const line = ready.shift();
    if (ready.length > 0) schedule(serveNext);
    if (line) next(line);
  }

  function next(line: Line): void {
    const { socket } = line;
    // The last answer said `Connection: close`, or the client has left.
    if (!socket.writable) return forgetWaiting(line);
    const exchange = line.waiting.shift();
    if (!exchange) return ended(line);
    count(line, -1);
    if (line.waiting.length === 0 && !line.close) socket.resume();
    begin(line, exchange);
  }

  function ended({ socket, close }: Line): void {
    if (socket.writable) close?.();
  }

  function forgetWaiting(line: Line): void {
    count(line, -line.waiting.length);
    line.waiting.length = 0;
  }

  function count({ socket }: Line, more: number): void {
    if (more === 0) return;
    waiting += more;
    const visitor = visitorAt(socket) ?? "";
    const own = (waitingOf.get(visitor) ?? 0) + more;
    if (own === 0) waitingOf.delete(visitor);
    else waitingOf.set(visitor, own);
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
    if (last === null || (last === current && isBodyBroken)) return close();
    if (isBodyBroken) {
      line.waiting.pop();
      count(line, -1);
    }
    socket.pause();
  }

  return {
    take,
    end,
    current: (socket) => lines.get(socket)?.current?.res,
    isBusy(socket) {
      const line = lines.get(socket);
      return line !== undefined && isUnderWay(line);
    },
    isFull(socket) {
      const line = lines.get(socket);
      if (!line || !isUnderWay(line)) return false;
      if (line.waiting.length >= maxWaitingEach) return true;
      return !mayHaveMore(waitingOf.get(visitorAt(socket) ?? "") ?? 0, maxWaiting - waiting);
    },
  };
}
