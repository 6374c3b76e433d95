/** A client of the Pusher protocol that costs little: a socket, and what tells the server's frames apart. */

import { connect, type Socket } from "node:net";
import { handshakeRequest, messageFrame } from "./client-bytes.ts";
import { createFrameReader, payloadOf, type ServerFrame } from "./server-frames.ts";
import type { Target } from "./target.ts";

export interface ClientOptions {
  readonly target: Target;
  /** Of this machine, so that many clients do not run out of ports; null: the system's choice. */
  readonly localAddress: string | null;
  /** Offers permessage-deflate. */
  readonly isDeflated: boolean;
  readonly channels: readonly string[];
  /** What authorizes a subscription; undefined: nothing. */
  readonly authOf?: (socketId: string, channel: string) => string;
  /** Every message that is neither about the connection nor about its subscriptions. */
  readonly onEvent: (frame: ServerFrame) => void;
  /** All channels are subscribed to. */
  readonly onSubscribed: (client: Client) => void;
  /** Refused, or closed by the server; called once, and not after `close`. */
  readonly onGone: (reason: string) => void;
}

export interface Client {
  send(message: object): void;
  close(): void;
}

export function openClient(options: ClientOptions): Client {
  const { target, channels, localAddress } = options;
  const { port } = target;
  const socket: Socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    ...(localAddress !== null && { localAddress }),
  });
  let subscribed = 0;
  let isOver = false;

  const client: Client = {
    send: (message) => void socket.write(messageFrame(message)),
    close() {
      isOver = true;
      socket.destroy();
    },
  };

  function gone(reason: string): void {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    options.onGone(reason);
  }

  function receive(frame: ServerFrame): void {
    if (subscribed === channels.length) return options.onEvent(frame);
    const text = payloadOf(frame).toString();
    if (text.includes("pusher:connection_established")) return subscribe(socketIdOf(text));
    if (text.includes("pusher_internal:subscription_succeeded")) {
      subscribed += 1;
      if (subscribed === channels.length) options.onSubscribed(client);
    } else if (text.includes("error")) {
      gone(text);
    }
  }

  function subscribe(socketId: string): void {
    for (const channel of channels) {
      const auth = options.authOf?.(socketId, channel);
      client.send({ event: "pusher:subscribe", data: { channel, ...(auth && { auth }) } });
    }
  }

  const read = createFrameReader(receive);
  socket.on("data", (chunk) => {
    try {
      read(chunk);
    } catch (error) {
      gone(String(error));
    }
  });
  socket.on("error", (error) => gone(error.message));
  socket.on("close", () => gone("closed"));
  socket.write(handshakeRequest(`127.0.0.1:${port}`, target.app.key, options));
  return client;
}

/** `data` is a JSON text of its own, whose quotes are escaped. */
function socketIdOf(text: string): string {
  return /"socket_id\\?":\\?"([\d.]+)/.exec(text)?.[1] ?? "";
}

/** One of the loopback's, by the number of the process. */
export function loopbackAddress(index: number): string {
  return `127.0.0.${2 + index}`;
}
