/**
 * A small app in PHP's place: `/login/{name}`, `/broadcasting/auth`, and a page with Echo as its packages ship it, of
 * which `page.js` has what its address may say.
 */

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { listen } from "../../sidecar/testing/raw-http.ts";
import { repository } from "./process.ts";
import { signChannel, type Credentials } from "./sign.ts";

export interface PageApp {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Requests to `/broadcasting/auth` so far. */
  readonly authorizations: number;
  /** Nobody may join this channel any more. */
  forbid(channel: string): void;
  stop(): Promise<void>;
}

const files: Readonly<Record<string, string>> = {
  "/": join(import.meta.dirname, "page.html"),
  "/page.js": join(import.meta.dirname, "page.js"),
  "/pusher.js": join(repository, "node_modules/pusher-js/dist/web/pusher.min.js"),
  "/echo.js": join(repository, "node_modules/laravel-echo/dist/echo.iife.js"),
};

export async function startPageApp(app: Credentials): Promise<PageApp> {
  const forbidden = new Set<string>();
  let authorizations = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://app");
    const [, action, name] = pathname.split("/");
    if (action === "broadcasting") return authorize(request, response);
    if (action === "login" || action === "logout") {
      const session = `session=${name ?? ""}; Path=/; HttpOnly${name ? "" : "; Max-Age=0"}`;
      return void response.writeHead(204, { "Set-Cookie": session }).end();
    }
    const file = files[pathname];
    if (file === undefined) return void response.writeHead(404).end();
    const type = file.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
    const text = await readFile(file, "utf8");
    response.writeHead(200, { "Content-Type": type }).end(text.replace("{{key}}", app.key));
  }

  async function authorize(request: IncomingMessage, response: ServerResponse): Promise<void> {
    authorizations += 1;
    const fields = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const socketId = fields.get("socket_id") ?? "";
    const channel = fields.get("channel_name") ?? "";
    const user = /session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
    const owner = /^private-user\.(\w+)$/.exec(channel)?.[1];
    if (user === undefined || (owner ?? user) !== user || forbidden.has(channel)) {
      return void response.writeHead(403).end();
    }
    const member = { user_id: user, user_info: { name: user } };
    const isPresence = channel.startsWith("presence-");
    const proof = signChannel(app, socketId, channel, isPresence ? member : undefined);
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(proof));
  }

  const server = createServer((request, response) => void answer(request, response));
  const cleanups: (() => unknown)[] = [];
  const port = await listen({ after: (cleanup) => void cleanups.push(cleanup) }, server);
  return {
    url: `http://127.0.0.1:${port}`,
    get authorizations() {
      return authorizations;
    },
    forbid: (channel) => void forbidden.add(channel),
    async stop() {
      for (const cleanup of cleanups) await cleanup();
    },
  };
}
