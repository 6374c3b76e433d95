/** The console: one page on the admin port that shows what happens on this node. Here: what a request of it gets. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, parseJson } from "../core/json.ts";
import { TokenBucket } from "../core/rate-limit.ts";
import { readBody } from "../http/body.ts";
import { systemTimers } from "../http/timers.ts";
import { createActions, type Action } from "./actions.ts";
import { createAccess, isSameOrigin, type Access } from "./access.ts";
import { isAssetName, type AssetName } from "./assets.ts";
import { createFeed } from "./feed.ts";
import { createReadings } from "./readings.ts";
import { redirect, refuse, sendAsset, sendJson } from "./reply.ts";
import type { ConsoleSources } from "./sources.ts";
import { openStream } from "./stream.ts";

export interface ConsoleOptions {
  /** Null: it is open where the port listens on loopback, and off elsewhere. */
  readonly token: string | null;
  /** Whether it may show what is in events. */
  readonly showsPayloads: boolean;
  /** The port listens on a loopback address alone. */
  readonly isLoopback: boolean;
}

export type Console = (req: IncomingMessage, res: ServerResponse) => void;

/** A token is too long to be guessed: this is for the CPU. */
const loginRate = { perSecond: 5, burst: 20 };
const maxLoginBytes = 4_096;
const maxActionBytes = 65_536;
const bodyDeadlineMs = 5_000;
/** Lists that are looked through at a time. */
const maxReadings = 4;

const pages: Readonly<Record<Access, { readonly name: AssetName; readonly status: number }>> = {
  granted: { name: "index.html", status: 200 },
  login: { name: "login.html", status: 403 },
  off: { name: "off.html", status: 403 },
};

export function createConsole(options: ConsoleOptions, sources: ConsoleSources): Console {
  const access = createAccess({ ...options, now: Date.now });
  const logins = new TokenBucket(loginRate, sources.now());
  const feed = createFeed({ ...sources, timers: systemTimers, wallClock: Date.now });
  const readings = createReadings(sources);
  const actions = createActions(sources);
  let underWay = 0;

  async function read(
    req: IncomingMessage,
    res: ServerResponse,
    reading: (query: URLSearchParams) => Promise<object | null>,
    query: URLSearchParams,
  ): Promise<void> {
    if (underWay >= maxReadings) return refuse(req, res, 429, "Others are looking too: try again.");
    underWay += 1;
    const value = await reading(query).finally(() => (underWay -= 1));
    if (value) sendJson(req, res, { value });
    else refuse(req, res, 404, "It is not there any more.");
  }

  async function logIn(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!logins.tryTake(sources.now())) {
      return refuse(req, res, 429, "Too many logins: wait a few seconds.");
    }
    const text = (await receive(req, maxLoginBytes)) ?? "";
    const isRight = access.isToken(new URLSearchParams(text).get("token") ?? "");
    if (isRight) return redirect(req, res, "/", access.cookie(req));
    sources.loginRefused();
    // Where the page has what is to be said about it.
    redirect(req, res, "/#wrong");
  }

  /** Only JSON, which no form of another site can send. */
  async function act(req: IncomingMessage, res: ServerResponse, action: Action): Promise<void> {
    if (req.headers["content-type"] !== "application/json") {
      return refuse(req, res, 415, "This takes application/json.");
    }
    const json = parseJson((await receive(req, maxActionBytes)) ?? "");
    if (!json.ok || !isObject(json.value)) {
      return refuse(req, res, 400, `This takes a JSON object of ${maxActionBytes} bytes at most.`);
    }
    sendJson(req, res, await action(json.value));
  }

  return (req, res) => {
    const [path = "", query = ""] = (req.url ?? "").split("?");
    const name = path.slice("/console/".length);
    const isPost = req.method === "POST";
    if (!isPost && !["GET", "HEAD"].includes(req.method ?? "")) {
      return refuse(req, res, 405, "There is GET and POST.");
    }
    if (path === "/") return sendAsset(req, res, pages[access.of(req)]);
    if (isAssetName(name)) return sendAsset(req, res, { name });
    if (!isSameOrigin(req)) return refuse(req, res, 403, "This is for the console's own page.");
    if (name === "login" && isPost) return void logIn(req, res);
    if (name === "logout" && isPost) return redirect(req, res, "/", access.expiredCookie(req));
    if (access.of(req) !== "granted") return refuse(req, res, 401, "The session is over: log in.");
    const wanted = new URLSearchParams(query);
    if (name === "stream" && req.method === "GET") {
      return openStream(req, res, { feed, wanted, ...options });
    }
    const action = isPost ? actions.get(name) : undefined;
    if (action) return void act(req, res, action);
    const reading = readings.get(name);
    if (reading) return void read(req, res, reading, wanted);
    refuse(req, res, 404, "The console has no such path.");
  };
}

/** A body as text; null: it is too long, or came too slowly. */
async function receive(req: IncomingMessage, maxBytes: number): Promise<string | null> {
  const deadline = { afterMs: bodyDeadlineMs, timers: systemTimers };
  const body = await readBody(req, { maxBytes, deadline });
  return body.kind === "whole" ? body.bytes.toString() : null;
}
