/**
 * The console, one page on the admin port that shows what happens on a node: access control, and routing of its
 * requests.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, parseJson } from "../core/json.ts";
import { TokenBucket } from "../core/rate-limit.ts";
import { readBody } from "../http/body.ts";
import { systemTimers } from "../http/timers.ts";
import { createAccess, isSameOrigin, type Access } from "./access.ts";
import { isAssetName, type AssetName } from "./assets.ts";
import type { Fields } from "./actions.ts";
import type { Backend, Question } from "./backend.ts";
import { redirect, refuse, sendAnswer, sendAsset } from "./reply.ts";
import { openStream } from "./stream.ts";

export interface ConsoleOptions {
  /** Null: it is open where the port listens on loopback, and off elsewhere. */
  readonly token: string | null;
  /** Whether it may show what is in events. */
  readonly showsPayloads: boolean;
  /** The port listens on a loopback address alone. */
  readonly isLoopback: boolean;
  readonly backend: Backend;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Somebody has tried a token that is not the right one. */
  readonly loginRefused: () => void;
}

export type Console = (req: IncomingMessage, res: ServerResponse) => void;

/** A token is too long to be guessed: this is for the CPU. */
const loginRate = { perSecond: 5, burst: 20 };
const maxLoginBytes = 4_096;
const maxActionBytes = 65_536;
const bodyDeadlineMs = 5_000;

const pages: Readonly<Record<Access, { readonly name: AssetName; readonly status: number }>> = {
  granted: { name: "index.html", status: 200 },
  login: { name: "login.html", status: 403 },
  off: { name: "off.html", status: 403 },
};

export function createConsole(options: ConsoleOptions): Console {
  const { backend, now, loginRefused } = options;
  const access = createAccess({ ...options, now: Date.now });
  const logins = new TokenBucket(loginRate, now());

  async function logIn(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!logins.tryTake(now())) {
      return refuse(req, res, 429, "Too many logins: wait a few seconds.");
    }
    const text = (await receive(req, maxLoginBytes)) ?? "";
    const isRight = access.isToken(new URLSearchParams(text).get("token") ?? "");
    if (isRight) return redirect(req, res, "/", access.cookie(req));
    loginRefused();
    // Where the page has what is to be said about it.
    redirect(req, res, "/#wrong");
  }

  async function ask(
    req: IncomingMessage,
    res: ServerResponse,
    { name, query }: Pick<Question, "name" | "query">,
  ): Promise<void> {
    const fields = req.method === "POST" ? await receiveFields(req) : null;
    if (fields === "unread") return refuse(req, res, 415, "This takes application/json.");
    if (fields === "unreadable") {
      return refuse(req, res, 400, `This takes a JSON object of ${maxActionBytes} bytes at most.`);
    }
    sendAnswer(req, res, await backend.ask({ name, query, fields }));
  }

  return (req, res) => {
    const [path = "", search = ""] = (req.url ?? "").split("?");
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
    const query = new URLSearchParams(search);
    if (name === "stream" && req.method === "GET") {
      return openStream(req, res, { ...options, query });
    }
    void ask(req, res, { name, query });
  };
}

/** Only JSON, which no form of another site can send. `unread`: it is something else. */
async function receiveFields(req: IncomingMessage): Promise<Fields | "unread" | "unreadable"> {
  if (req.headers["content-type"] !== "application/json") return "unread";
  const json = parseJson((await receive(req, maxActionBytes)) ?? "");
  return json.ok && isObject(json.value) ? json.value : "unreadable";
}

/** A body as text; null: it is too long, or came too slowly. */
async function receive(req: IncomingMessage, maxBytes: number): Promise<string | null> {
  const deadline = { afterMs: bodyDeadlineMs, timers: systemTimers };
  const body = await readBody(req, { maxBytes, deadline });
  return body.kind === "whole" ? body.bytes.toString() : null;
}
