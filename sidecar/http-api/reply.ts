/** Answers of the API: short bodies, since the PHP SDK copies them into its exception. */

import type { ServerResponse } from "node:http";
import { endWhileReceiving, isReceiving } from "../http/linger.ts";
import { requestIdField, type RequestContext } from "../http/request-context.ts";

export interface Reply {
  readonly status: number;
  readonly contentType: "application/json" | "text/plain; charset=utf-8";
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(status: number, value: object): Reply {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

export function text(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, contentType: "text/plain; charset=utf-8", body, headers };
}

/** Nobody can say now: the nodes have lost what joins them. */
export function unavailable(): Reply {
  return text(503, "broker_failed: The nodes can't be asked now; try again.", {
    "Retry-After": "1",
  });
}

export function sendReply(context: RequestContext, res: ServerResponse, reply: Reply): void {
  const { status, contentType, body } = reply;
  context.answering(res, status);
  if (res.destroyed) return;
  const fields = {
    ...reply.headers,
    [requestIdField]: context.id,
    "Cache-Control": "no-cache, private",
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
  };
  if (isReceiving(context.req)) {
    res.writeHead(status, { ...fields, Connection: "close" });
    endWhileReceiving(context.req, res, body);
  } else {
    res.writeHead(status, fields);
    res.end(body);
  }
}
