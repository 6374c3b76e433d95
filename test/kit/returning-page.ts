/** A page in a browser that keeps its cookies, and an app with an auth endpoint that says what it was asked. */

import assert from "node:assert/strict";
import { request, type IncomingHttpHeaders } from "node:http";
import type { Cleanup } from "../../sidecar/testing/raw-http.ts";
import { openClient } from "./client.ts";
import { app, signChannel } from "./sign.ts";
import { parseQuestion, startApp } from "./start.ts";

/** What a browser keeps of the handshakes; shared by its pages. */
export interface Browser {
  recovery: string | null;
}

export interface PageOptions {
  readonly port: number;
  readonly browser: Browser;
  /** In its path; null: it has none. */
  readonly token: string | null;
  /** By which it comes to whichever node. @default that node's own address */
  readonly host?: string;
  /** @default of the host that it comes to; null: it says none, and is no page */
  readonly origin?: string | null;
  readonly appKey?: string;
  /** In front of it: of POGO_PATH. */
  readonly prefix?: string;
}

export type Page = Awaited<ReturnType<typeof openPage>>;

/** Resolves once it is connected. */
export async function openPage(test: Cleanup, options: PageOptions) {
  const { port, browser, token, appKey = app.key, prefix = "" } = options;
  const { host = `127.0.0.1:${port}` } = options;
  const { origin = `http://${host}` } = options;
  const cookies = ["session=x", ...(browser.recovery === null ? [] : [browser.recovery])];
  const client = openClient(test, port, {
    path: `${prefix}${token === null ? "" : `/r/${token}`}/app/${appKey}`,
    headers: { Cookie: cookies.join("; "), ...(origin !== null && { Origin: origin }) },
  });
  const setCookie: string[] = [];
  client.socket.once("upgrade", ({ headers }: { headers: IncomingHttpHeaders }) => {
    setCookie.push(...(headers["set-cookie"] ?? []));
    browser.recovery = setCookie[0]?.split(";")[0] ?? browser.recovery;
  });
  const { data } = await client.next("pusher:connection_established");
  const socketId = String(Object(data).socket_id);
  const shown = { Host: host, Cookie: "session=ada", ...(origin !== null && { Origin: origin }) };
  const page = {
    ...client,
    port,
    socketId,
    setCookie,
    /** Asks at the auth endpoint, with what its user shows unless other fields are given. */
    post: (channel: string, fields: Fields = {}) =>
      postAt(port, `socket_id=${socketId}&channel_name=${channel}`, { ...shown, ...fields }),
    /** As pusher-js does. @returns whether the sidecar answered */
    async enter(channel: string, fields: Fields = {}): Promise<boolean> {
      const { status, text, headers } = await page.post(channel, fields);
      assert.equal(status, 200, text);
      await client.join(channel, JSON.parse(text));
      return headers["x-pogo-recovery"] === "granted";
    },
  };
  return page;
}

/** Undefined: without this one. */
export type Fields = Readonly<Record<string, string | undefined>>;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

/** A POST to the auth endpoint. */
export function postAt(
  port: number,
  body: string,
  fields: Fields,
  path = "/broadcasting/auth",
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const all = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": String(Buffer.byteLength(body)),
    ...fields,
  };
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  const to = { host: "127.0.0.1", port, path, method: "POST" };
  const asking = request({ ...to, headers, agent: false });
  asking.once("error", reject);
  asking.once("response", (response) => {
    let text = "";
    response.on("data", (chunk) => (text += String(chunk)));
    response.once("end", () =>
      resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
    );
  });
  asking.end(body);
  return promise;
}

/** Says yes to whom a cookie or a token names, unless it is forbidden. */
export async function startGrantingApp(test: Cleanup) {
  const asked: { readonly channel: string; readonly body: string }[] = [];
  const forbidden = new Map<string, number>();
  const url = await startApp(test, async (req, res) => {
    const body = Buffer.concat(await req.toArray()).toString();
    const { socket_id, channel_name: channel } = parseQuestion(body);
    asked.push({ channel, body });
    const { cookie = "", authorization = "" } = req.headers;
    const user = /\bsession=(\w+)/.exec(cookie)?.[1] ?? /^Bearer (\w+)/.exec(authorization)?.[1];
    const refused = user === undefined ? 403 : forbidden.get(channel);
    if (refused !== undefined) return void res.writeHead(refused).end();
    const member = { user_id: user, user_info: { name: user } };
    const isPresence = channel.startsWith("presence-");
    const proof = signChannel(app, socket_id, channel, isPresence ? member : undefined);
    res.setHeader("Content-Type", "application/json").end(JSON.stringify(proof));
  });
  return {
    url,
    /** Channels, in the order in which it was asked; empties the list. */
    asked: (): readonly string[] => asked.splice(0).map(({ channel }) => channel),
    /** As they came; empties the list. */
    bodies: (): readonly string[] => asked.splice(0).map(({ body }) => body),
    forbid: (channel: string, status = 403) => void forbidden.set(channel, status),
  };
}
