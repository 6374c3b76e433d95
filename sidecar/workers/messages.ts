/** The messages between a supervisor and its workers, over Node's channel between a process and its child. */

import { isObject } from "../core/json.ts";

export type ToWorker =
  /** Asks for what its admin port would answer to `path`, a query included. `body`: of a POST; null: it is a GET. */
  | {
      readonly kind: "question";
      readonly id: number;
      readonly path: string;
      readonly body: string | null;
    }
  /** From now on send what the console shows, a line at a time. */
  | { readonly kind: "watch"; readonly id: number; readonly query: string }
  /** The reader of this stream has taken a line. */
  | { readonly kind: "line_taken"; readonly id: number }
  | { readonly kind: "unwatch"; readonly id: number }
  /** Stop in order. `skipsDelay`: without POGO_DRAIN_DELAY. */
  | { readonly kind: "stop"; readonly skipsDelay: boolean };

export type FromWorker =
  /** Its port is open. */
  | { readonly kind: "listening" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  /** Of the stream with this id. */
  | { readonly kind: "line"; readonly id: number; readonly text: string };

/** As an HTTP answer: status and body. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Null: of another version, or nobody's. */
export function parseToWorker(message: unknown): ToWorker | null {
  if (!isObject(message)) return null;
  const { kind, id, path, body, query, skipsDelay } = message;
  if (kind === "stop" && typeof skipsDelay === "boolean") return { kind, skipsDelay };
  if (typeof id !== "number") return null;
  if (kind === "line_taken" || kind === "unwatch") return { kind, id };
  if (kind === "watch" && typeof query === "string") return { kind, id, query };
  if (kind !== "question" || typeof path !== "string") return null;
  return { kind, id, path, body: typeof body === "string" ? body : null };
}

/** Null: of another version, or nobody's. */
export function parseFromWorker(message: unknown): FromWorker | null {
  if (!isObject(message)) return null;
  const { kind, id, answer, text } = message;
  if (kind === "listening") return { kind };
  if (typeof id !== "number") return null;
  if (kind === "line" && typeof text === "string") return { kind, id, text };
  if (kind !== "answer" || !isObject(answer)) return null;
  return typeof answer.status === "number" && typeof answer.text === "string"
    ? { kind, id, answer: { status: answer.status, text: answer.text } }
    : null;
}
