/**
 * Reads the body of an API request, within limits on its size, its time and, until its signature is verified, the
 * node's memory.
 */

import type { IncomingMessage } from "node:http";
import type { BodyRefusal } from "../core/report/api.ts";
import { collectBody, type Body } from "../http/body.ts";
import { bodyLength } from "../http/headers.ts";
import { systemTimers } from "../http/timers.ts";
import { text, type Reply } from "./reply.ts";
import type { BudgetFault, UnverifiedBodies } from "./unverified-bodies.ts";

/** Why a body was not read to its end. */
export type UnreadBody = BodyRefusal | "too_long" | "cut";

export type ReceivedBody =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly refusal: UnreadBody };

export interface BodyBounds {
  readonly maxBytes: number;
  /** From the head to the last byte. */
  readonly timeoutMs: number;
  /** Null: the query was signed, and names the body's MD5. */
  readonly unverified: { readonly budget: UnverifiedBodies; readonly visitor: string } | null;
}

const emptyBody: ReceivedBody = { ok: true, bytes: Buffer.alloc(0) };

/** Calls back once: before it returns where nothing has to be read. */
export function receiveBody(
  req: IncomingMessage,
  { maxBytes, timeoutMs, unverified }: BodyBounds,
  done: (body: ReceivedBody) => void,
): void {
  const length = bodyLength(req.rawHeaders);
  if (length === 0) return done(emptyBody);
  if (length !== "chunked" && length > maxBytes) return done({ ok: false, refusal: "too_long" });
  const deadline = { afterMs: timeoutMs, timers: systemTimers };
  if (!unverified) {
    return collectBody(req, { maxBytes, deadline }, (body) => done(received(body)));
  }

  const reservation = unverified.budget.open(unverified.visitor);
  let fault: BudgetFault | null = null;
  const accept = (costBytes: number): boolean => (fault = reservation.take(costBytes)) === null;
  collectBody(req, { maxBytes, deadline, accept }, (body) => {
    reservation.close();
    done(received(body, fault));
  });
}

function received(body: Body, fault: BudgetFault | null = null): ReceivedBody {
  if (body.kind === "whole") return { ok: true, bytes: body.bytes };
  return { ok: false, refusal: body.kind === "refused" ? (fault ?? "node_budget") : body.kind };
}

/** What a publisher whose body was refused is answered. */
export const bodyReplies: Readonly<Record<UnreadBody, Reply>> = {
  too_long: text(413, "Payload too large."),
  too_slow: text(408, "The body took too long to arrive (POGO_API_BODY_TIMEOUT)."),
  // Nobody is there to read it.
  cut: text(400, "The body is incomplete."),
  visitor_budget: unverifiedRefusal(429, "from one address"),
  node_budget: unverifiedRefusal(503, "at a time"),
};

function unverifiedRefusal(status: number, where: string): Reply {
  const why = `Too many bodies without body_md5 in the query ${where}`;
  return text(status, `${why} (POGO_MAX_UNVERIFIED_BODY_BYTES); try again.`, {
    "Retry-After": "1",
  });
}
