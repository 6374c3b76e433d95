/** Has pusher-js in Node connect as a page does: with an Origin, and with the cookies of the handshakes before. */

import { WebSocket } from "ws";
import type { PusherClass } from "../e2e/matrix/pusher-js-client.ts";

type CreateWebSocket = PusherClass["Runtime"]["createWebSocket"];

/** Each path is a browser of its own: a page with a token has one. @returns puts it back */
export function connectAsPages({ Runtime }: PusherClass, origin: string): () => void {
  const before = Runtime.createWebSocket;
  const cookies = new Map<string, string>();
  Runtime.createWebSocket = (url) => {
    const { pathname } = new URL(url);
    const Cookie = cookies.get(pathname);
    const headers = { Origin: origin, ...(Cookie !== undefined && { Cookie }) };
    const socket = new WebSocket(url, { headers });
    socket.once("upgrade", (answer) => {
      const [cookie] = answer.headers["set-cookie"]?.[0]?.split(";") ?? [];
      if (cookie !== undefined) cookies.set(pathname, cookie);
    });
    return socket as unknown as ReturnType<CreateWebSocket>;
  };
  return () => (Runtime.createWebSocket = before);
}
