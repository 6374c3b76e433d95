/** Subscribers that cost little: a socket each, and just enough of RFC 6455 to tell the server's frames apart. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface SubscribersOptions {
  /** Of the nodes on 127.0.0.1; they are gone through in turn. */
  readonly ports: readonly number[];
  readonly appKey: string;
  /** Each gets as many subscribers, spread over all nodes. */
  readonly channels: readonly string[];
  readonly subscribersPerChannel: number;
  /** For the payload of every frame that is an event; valid during the call only. */
  readonly onEvent: (payload: Buffer) => void;
}

export interface Subscribers {
  close(): void;
}

/** So many at a time, so that nobody's accept queue overflows. */
const connectingAtOnce = 50;
const subscribedWithinMs = 10_000;

/** Resolves once all of them are subscribed. */
export async function connectSubscribers(options: SubscribersOptions): Promise<Subscribers> {
  const { ports, channels, subscribersPerChannel } = options;
  const wanted = Array.from({ length: subscribersPerChannel }, (_, round) =>
    channels.map((channel, index) => ({ channel, port: ports[(index + round) % ports.length] })),
  ).flat();
  const sockets: Socket[] = [];
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  try {
    for (let i = 0; i < wanted.length; i += connectingAtOnce) {
      const some = wanted.slice(i, i + connectingAtOnce).map(({ channel, port }) => {
        const socket = connect(Number(port), "127.0.0.1");
        sockets.push(socket);
        return subscribe(socket, channel, options);
      });
      await Promise.all(some);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

async function subscribe(
  socket: Socket,
  channel: string,
  { appKey, onEvent }: SubscribersOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`${channel}: not subscribed`)),
    subscribedWithinMs,
  );
  socket.on("error", reject);
  socket.on("close", () => reject(new Error(`${channel}: closed`)));
  socket.setNoDelay(true);
  let isSubscribed = false;
  const read = createFrameReader((payload) => {
    if (isSubscribed) return onEvent(payload);
    const text = payload.toString();
    if (text.includes("pusher:connection_established")) {
      socket.write(maskedText({ event: "pusher:subscribe", data: { channel } }));
    } else if (text.includes("pusher_internal:subscription_succeeded")) {
      isSubscribed = true;
      resolve();
    } else {
      reject(new Error(`${channel}: ${text}`));
    }
  });
  socket.on("data", read);
  try {
    await once(socket, "connect");
    socket.write(
      [
        `GET /app/${appKey}?protocol=7 HTTP/1.1`,
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "",
        "",
      ].join("\r\n"),
    );
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** The server's frames are neither masked nor fragmented. Before them stands the head of the handshake's answer. */
function createFrameReader(onText: (payload: Buffer) => void): (chunk: Buffer) => void {
  let isOpen = false;
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      rest = bytes;
      if (end === -1) return;
      if (!bytes.toString("latin1", 0, end).startsWith("HTTP/1.1 101 ")) {
        throw new Error(bytes.toString("latin1"));
      }
      isOpen = true;
      bytes = bytes.subarray(end + 4);
    }
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (!frame) break;
      if (frame.isText) onText(bytes.subarray(frame.start, frame.end));
      at = frame.end;
    }
    rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  };
}

/** Null unless the whole frame is there. */
function frameAt(
  bytes: Buffer,
  at: number,
): { readonly isText: boolean; readonly start: number; readonly end: number } | null {
  if (bytes.length < at + 2) return null;
  const short = bytes.readUInt8(at + 1) & 0x7f;
  const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (bytes.length < start) return null;
  const length =
    short < 126
      ? short
      : short === 126
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
  const end = start + length;
  if (bytes.length < end) return null;
  return { isText: (bytes.readUInt8(at) & 0x0f) === 1, start, end };
}

/** Masked with zeros, which changes nothing; for less than 126 bytes. */
function maskedText(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  if (payload.length > 125) throw new Error("too long for a short frame");
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
