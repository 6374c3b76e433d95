/** Short answers of the console: header fields of its pages, JSON, and refusals with their reason. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { answerPlainly } from "../http/plain-answer.ts";
import { assetOf, pageFields, type AssetName } from "./assets.ts";
import { refusal, type Answer } from "./backend.ts";

export function sendAsset(
  req: IncomingMessage,
  res: ServerResponse,
  { name, status = 200 }: { readonly name: AssetName; readonly status?: number },
): void {
  const { contentType, body } = assetOf(name);
  res.writeHead(status, {
    ...pageFields,
    "Content-Type": contentType,
    "Content-Length": body.length,
    // As new as the process that answers.
    "Cache-Control": "no-cache",
  });
  res.end(req.method === "HEAD" ? undefined : body);
}

export function sendAnswer(req: IncomingMessage, res: ServerResponse, answer: Answer): void {
  const headers = { ...pageFields, "Content-Type": "application/json" };
  answerPlainly(req, res, { ...answer, headers });
}

/** @param message a sentence: what is refused and, where it helps, what to do */
export function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  message: string,
): void {
  sendAnswer(req, res, refusal(status, message));
}

export function redirect(
  req: IncomingMessage,
  res: ServerResponse,
  to: string,
  cookie?: string,
): void {
  const headers = {
    ...pageFields,
    Location: to,
    ...(cookie !== undefined && { "Set-Cookie": cookie }),
  };
  answerPlainly(req, res, { status: 303, text: "", headers });
}
