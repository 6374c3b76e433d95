/** A node with something to see in its console: an app behind, connections, events, refusals. */

import type { Cleanup } from "../../sidecar/testing/raw-http.ts";
import { connectClient } from "./client.ts";
import { signChannel } from "./sign.ts";
import { app, readQuestion, signedAnswer, startApp, startSidecar } from "./start.ts";

/** What the app answers about a channel. */
const answers: Readonly<Record<string, { readonly status: number; readonly location?: string }>> = {
  "private-denied": { status: 403 },
  "private-page": { status: 302, location: "/login" },
  "private-csrf": { status: 419 },
};

export async function startConsoleStage(test: Cleanup, env: Readonly<Record<string, string>> = {}) {
  const upstream = await startApp(test, async (req, res) => {
    if (req.url !== "/broadcasting/auth") return void res.end("hello");
    const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
    const { status, location } = answers[channel] ?? { status: 200 };
    res.writeHead(status, location === undefined ? {} : { Location: location });
    res.end(status === 200 ? JSON.stringify(signedAnswer(socketId, channel)) : "");
  });
  const sidecar = await startSidecar(test, { POGO_UPSTREAM: upstream, ...env });

  async function connect(headers: Readonly<Record<string, string>> = {}) {
    return connectClient(test, sidecar.port, headers);
  }

  /** Publishes as the app would. */
  async function publish(channel: string, name = "OrderShipped", data = '{"id":17}') {
    const { status } = await sidecar.call("events", { body: { name, channels: [channel], data } });
    if (status !== 200) throw new Error(`the publish was answered ${status}`);
  }

  return { sidecar, connect, publish };
}

/** The proof of a member of a presence channel. */
export function asMember(socketId: string, channel: string, userId: string) {
  return signChannel(app, socketId, channel, { user_id: userId, user_info: { name: userId } });
}
