/** A stand-in for a Laravel app: a page, `/broadcasting/auth`, and a route that broadcasts an event. */

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import Pusher from "pusher";

export interface ExampleAppOptions {
  /** The credentials that the sidecar has too (`REVERB_APP_ID`, `_KEY`, `_SECRET`). */
  readonly app: { readonly id: string; readonly key: string; readonly secret: string };
  /** Where the sidecar listens: events are published there (`REVERB_HOST`, `REVERB_PORT`). */
  readonly sidecar: { readonly host: string; readonly port: number };
  /** How it answers just now; read at each request. */
  readonly behaviour: Behaviour;
  /** What the page needs to know beside its visitor's name and the app's key. */
  readonly boot: Readonly<Record<string, unknown>>;
  /** Gets a line for each authorization and each publish. */
  readonly log: (line: string) => void;
}

export interface Behaviour {
  /** Before each answer but those of the page and its files. */
  delayMs: number;
  /** Nobody may join anything. */
  refuses: boolean;
}

/** Listening is the caller's. It trusts a name in a cookie: fit for a demo on loopback, for nothing else. */
export function createExampleApp(options: ExampleAppOptions): Server {
  const { id: appId, key, secret } = options.app;
  const { host, port } = options.sidecar;
  const context: Context = {
    options,
    pusher: new Pusher({ appId, key, secret, host, port: String(port), useTLS: false }),
    visitors: 0,
  };
  return createServer((request, response) => {
    answer(context, request, response).catch((error: unknown) => {
      options.log(`${request.method} ${request.url}  500  ${String(error)}`);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { message: "Server Error" });
    });
  });
}

interface Context {
  readonly options: ExampleAppOptions;
  readonly pusher: Pusher;
  /** Visitors without a name so far; each gets the next one of `names`. */
  visitors: number;
}

type Route = (
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

const routes: Readonly<Record<string, Route>> = {
  "GET /": showPage,
  "GET /assets/page.css": asset("page.css", "text/css"),
  "GET /assets/page.js": asset("page.js", "text/javascript"),
  "GET /assets/stage.js": asset("stage.js", "text/javascript"),
  "GET /assets/pusher.js": asset(
    "../node_modules/pusher-js/dist/web/pusher.min.js",
    "text/javascript",
  ),
  "GET /assets/echo.js": asset("../node_modules/laravel-echo/dist/echo.iife.js", "text/javascript"),
  "POST /broadcasting/auth": authorize,
  "POST /messages": publish,
};

/** What `routes/channels.php` is in Laravel: who may subscribe to what. */
const channelRules: readonly (readonly [channel: RegExp, may: (user: string) => boolean])[] = [
  [/^private-orders(\.\d+)?$/, () => true],
  [/^private-payroll$/, () => false],
  [/^presence-room$/, () => true],
];

/** Channels that the page's buttons may publish to. */
const publishable: ReadonlySet<string> = new Set(["lobby", "private-orders"]);

const names = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Tony"] as const;
const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,23}$/u;
const maxBodyBytes = 16_384;

async function answer(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routes[`${request.method} ${pathOf(request)}`];
  if (!route) return sendJson(response, 404, { message: "Not Found" });
  const { delayMs } = context.options.behaviour;
  if (delayMs > 0 && request.method === "POST") await delay(delayMs, undefined, { ref: false });
  return route(context, request, response);
}

/** The name is in the address, so that every tab can be another user; it becomes the tab's session. */
async function showPage(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = new URLSearchParams(request.url?.split("?")[1]).get("name")?.trim() ?? "";
  if (!namePattern.test(name)) {
    const next = names[context.visitors++ % names.length] ?? names[0];
    response.writeHead(302, { location: `/?name=${next}` }).end();
    return;
  }
  const { app } = context.options;
  const boot = JSON.stringify({ ...context.options.boot, name, names, key: app.key });
  const html = await readFile(new URL("page.html", import.meta.url), "utf8");
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "set-cookie": `demo_name=${encodeURIComponent(name)}; Path=/; SameSite=Lax`,
  });
  response.end(html.replace("{{boot}}", () => boot.replaceAll("<", "\\u003c")));
}

/** Laravel's endpoint: JSON or a form in, `{auth}` or `{auth, channel_data}` out, 403 for no session or no right. */
async function authorize(
  { options, pusher }: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readFields(request);
  const user = userOf(request);
  const channel = body.get("channel_name") ?? "";
  const [, may] = channelRules.find(([pattern]) => pattern.test(channel)) ?? [];
  const allowed = user !== null && may?.(user) === true && !options.behaviour.refuses;
  const asker = request.headers["x-frankenphp-ws-channel"] ? "the sidecar" : "the browser";
  options.log(
    `${asker} asks: may ${user ?? "nobody"} join ${channel}?  ${allowed ? "yes" : "no (403)"}`,
  );
  if (!allowed) return sendJson(response, 403, { message: "" });
  const socketId = body.get("socket_id") ?? "";
  const proof = channel.startsWith("presence-")
    ? pusher.authorizeChannel(socketId, channel, { user_id: user, user_info: { name: user } })
    : pusher.authorizeChannel(socketId, channel);
  return sendJson(response, 200, proof);
}

/** What `broadcast(new Message(...))` is in Laravel: a signed POST to `/apps/{id}/events` of the sidecar. */
async function publish(
  { options, pusher }: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readFields(request);
  const from = userOf(request);
  const channel = body.get("channel") ?? "";
  const text = (body.get("text") ?? "").trim().slice(0, 200);
  if (from === null) return sendJson(response, 403, { message: "" });
  if (!publishable.has(channel) || text === "") return sendJson(response, 422, { message: "" });
  await pusher.trigger(channel, "message", { from, text });
  options.log(`publishes "message" of ${from} to ${channel}`);
  return sendJson(response, 200, {});
}

function asset(path: string, type: string): Route {
  const url = new URL(path, import.meta.url);
  return async (_context, _request, response) => {
    const content = await readFile(url);
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(content);
  };
}

/** The session: a name in a cookie; null without one. */
function userOf(request: IncomingMessage): string | null {
  const cookie = /(?:^|;\s*)demo_name=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
  if (cookie === undefined) return null;
  try {
    const name = decodeURIComponent(cookie);
    return namePattern.test(name) ? name : null;
  } catch {
    return null; // a broken escape is no name
  }
}

/** Fields of a JSON object (text ones) or a form, as Laravel's `$request` reads them. */
async function readFields(request: IncomingMessage): Promise<ReadonlyMap<string, string>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > maxBodyBytes) throw new Error("body too large");
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (!request.headers["content-type"]?.includes("/json")) {
    return new Map(new URLSearchParams(text));
  }
  const value: unknown = JSON.parse(text);
  const fields = Object.entries(typeof value === "object" && value !== null ? value : {});
  return new Map(fields.filter((field): field is [string, string] => typeof field[1] === "string"));
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split("?")[0] ?? "/";
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
