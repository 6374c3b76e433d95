/** A WebSocket that sends the handshake's bytes and the messages' bytes as they are here. */

import { app } from "../../kit/start.ts";
import { textFrame } from "../../../sidecar/testing/client-frame.ts";
import { upgradeRequest } from "../../../sidecar/testing/upgrade-request.ts";
import { connectRaw, type Cleanup, type RawSocket } from "../../../sidecar/testing/raw-http.ts";

/** @param fields beside Host, which is the address of `port`. */
export function handshakeOf(port: number, fields: readonly string[]): string {
  return upgradeRequest(`/app/${app.key}`, { host: `127.0.0.1:${port}`, fields });
}

export interface RawWebSocket {
  readonly raw: RawSocket;
  send(...texts: readonly string[]): void;
  /** Says to what status the subscribe came; 200 if it succeeded. */
  subscribe(channel: string): Promise<number>;
}

export async function openRaw(
  test: Cleanup,
  port: number,
  lines: readonly string[],
): Promise<RawWebSocket> {
  const raw = await connectRaw(test, port);
  raw.write(handshakeOf(port, lines));
  // A close frame, when the sidecar stops: it need not wait for an answer.
  raw.socket.on("data", (chunk: Buffer) => {
    if (chunk[0] === 0x88) raw.socket.destroy();
  });
  await raw.until("pusher:connection_established");
  const send = (...texts: readonly string[]) => void raw.write(Buffer.concat(texts.map(textFrame)));
  return {
    raw,
    send,
    async subscribe(channel) {
      send(JSON.stringify({ event: "pusher:subscribe", data: { channel } }));
      const text = await raw.until(/subscription_succeeded|subscription_error.*status/s);
      return Number(/status\\":(\d+)/.exec(text)?.[1] ?? 200);
    },
  };
}
