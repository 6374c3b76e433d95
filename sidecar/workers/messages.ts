/** What a supervisor and its workers send each other, over the channel that Node opens between a process and its child. */

export type ToWorker =
  /** Asks for what its admin port would answer to `path`, a query included. */
  | { readonly kind: "question"; readonly id: number; readonly path: string }
  /** Stop in order. `skipsDelay`: without POGO_DRAIN_DELAY. */
  | { readonly kind: "stop"; readonly skipsDelay: boolean };

export type FromWorker =
  /** Its port is open. */
  | { readonly kind: "listening" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer };

/** As an HTTP answer: status and body. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Null: of another version, or nobody's. */
export function parseToWorker(message: unknown): ToWorker | null {
  if (!isObject(message)) return null;
  const { kind, id, path, skipsDelay } = message;
  if (kind === "question" && typeof id === "number" && typeof path === "string") {
    return { kind, id, path };
  }
  return kind === "stop" && typeof skipsDelay === "boolean" ? { kind, skipsDelay } : null;
}

/** Null: of another version, or nobody's. */
export function parseFromWorker(message: unknown): FromWorker | null {
  if (!isObject(message)) return null;
  const { kind, id, answer } = message;
  if (kind === "listening") return { kind };
  if (kind !== "answer" || typeof id !== "number" || !isObject(answer)) return null;
  const { status, text } = answer;
  return typeof status === "number" && typeof text === "string"
    ? { kind, id, answer: { status, text } }
    : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
