// A bare Pusher client over ws: sends what it is told, adds no signature, answers nothing by itself.
import { WebSocket } from "ws";

export interface Message {
  readonly event: string;
  readonly channel?: string;
  /** Decoded, where the wire carried JSON in a string. */
  readonly data: unknown;
  /** The bytes as they came. */
  readonly text: string;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface RawClient {
  /** Every message so far. */
  readonly frames: readonly Message[];
  /** Resolves when the WebSocket is closed. */
  readonly closed: Promise<Closed>;
  /** The socket id, once `pusher:connection_established` has come. */
  established(): Promise<string>;
  /**
   * The next message of that name (and channel) that was not handed out before.
   * @throws when the socket closes first or after 5 s, with what came instead
   */
  next(event: string | readonly string[], channel?: string): Promise<Message>;
  /** The answer to it: `pusher_internal:subscription_succeeded` or `pusher:subscription_error`. */
  subscribe(channel: string, auth?: { auth: string; channel_data?: string }): Promise<Message>;
  /** An object goes as JSON, a string as it is. */
  send(message: object | string): void;
  /** A ping and its pong: what the sidecar sent before is in `frames` now. */
  roundTrip(): Promise<void>;
  close(): Promise<Closed>;
  /** Drops the TCP connection without a close frame. */
  terminate(): void;
}

export interface RawClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Connects to `url` and resolves when the handshake is done.
 * @throws with the status, when the answer is not 101
 */
export async function rawClient(url: string, options: RawClientOptions = {}): Promise<RawClient> {
  const socket = new WebSocket(url, { headers: { ...options.headers } });
  const frames: Message[] = [];
  const unread: Message[] = [];
  const waiters = new Set<() => void>();
  let closedWith: Closed | undefined;
  const wake = (): void => {
    for (const waiter of waiters) waiter();
  };

  // Before the handshake is done: the first message may come in the same segment as its answer.
  socket.on("message", (bytes) => {
    const message = decode(String(bytes));
    frames.push(message);
    unread.push(message);
    wake();
  });
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<Closed>();
  socket.on("close", (code, reason) => {
    closedWith = { code, reason: String(reason) };
    resolveClosed(closedWith);
    wake();
  });
  await handshake(socket);

  const next: RawClient["next"] = (event, channel) => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const names = typeof event === "string" ? [event] : event;
    const wanted = `${names.join(" or ")}${channel === undefined ? "" : ` on ${channel}`}`;
    const timer = setTimeout(() => fail("did not come within 5 s"), 5_000);
    const done = (): void => {
      clearTimeout(timer);
      waiters.delete(look);
    };
    const fail = (why: string): void => {
      done();
      reject(
        new Error(
          `${wanted} ${why}; came: ${frames.map(({ text }) => text).join(" ") || "nothing"}`,
        ),
      );
    };
    const look = (): void => {
      const index = unread.findIndex(
        (message) =>
          names.includes(message.event) && (channel === undefined || message.channel === channel),
      );
      const [found] = index === -1 ? [] : unread.splice(index, 1);
      if (found !== undefined) {
        done();
        resolve(found);
      } else if (closedWith !== undefined) {
        fail(`did not come before the close with ${closedWith.code} ${closedWith.reason}`);
      }
    };
    waiters.add(look);
    look();
    return promise;
  };

  const send: RawClient["send"] = (message) =>
    socket.send(typeof message === "string" ? message : JSON.stringify(message));
  let socketId: Promise<string> | undefined;

  return {
    frames,
    closed,
    next,
    send,
    established: () => (socketId ??= next("pusher:connection_established").then(socketIdOf)),
    subscribe: (channel, auth) => {
      send({ event: "pusher:subscribe", data: { channel, ...auth } });
      return next(["pusher_internal:subscription_succeeded", "pusher:subscription_error"], channel);
    },
    roundTrip: async () => {
      send({ event: "pusher:ping", data: {} });
      await next("pusher:pong");
    },
    close: () => {
      socket.close();
      return closed;
    },
    terminate: () => socket.terminate(),
  };
}

function handshake(socket: WebSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("open", resolve);
  socket.on("error", reject);
  socket.once("unexpected-response", (_request, response) => {
    response.resume();
    reject(new Error(`the handshake was answered ${response.statusCode}`));
    socket.terminate();
  });
  return promise;
}

function decode(text: string): Message {
  const message = JSON.parse(text) as { event: string; channel?: string; data?: unknown };
  return {
    ...message,
    data: typeof message.data === "string" ? decodeData(message.data) : message.data,
    text,
  };
}

function decodeData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

function socketIdOf({ data }: Message): string {
  return (data as { socket_id: string }).socket_id;
}
