/** The console's backend: answers the page's requests and sends it events. This one runs on the node that it shows. */

import { randomUUID } from "node:crypto";
import { systemTimers } from "../http/timers.ts";
import { createActions, type Fields } from "./actions.ts";
import { createFeed } from "./feed.ts";
import { createReadings, textOf } from "./readings.ts";
import type { ConsoleSources } from "./sources.ts";

/** Over HTTP or a channel between processes: `text` is a JSON object, with a `message` where something is refused. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Question {
  /** The path below `/console/`. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** What is to be done with; null: it only reads. */
  readonly fields: Fields | null;
}

export interface Receiver {
  /** Takes a line of JSON. False: it was taken, and nothing more should come until `resume`. */
  readonly send: (line: string) => boolean;
}

export interface Watching {
  resume(): void;
  /** Harmless when it is closed already. */
  close(): void;
}

export interface Backend {
  ask(question: Question): Promise<Answer>;
  /**
   * From now on `receiver` gets what happens. In the query: `text` filters events, `contents` adds what is in them, `only` leaves
   * out all but refusals and figures. Null: as many look as may.
   */
  watch(query: URLSearchParams, receiver: Receiver): Watching | null;
}

/** Lists that are looked through at a time. */
const maxReadings = 4;

export function createBackend(sources: ConsoleSources): Backend {
  const feed = createFeed({ ...sources, timers: systemTimers, wallClock: Date.now });
  const readings = createReadings(sources);
  const actions = createActions(sources);
  /** Of all that is sent: a process that was started anew is another source. */
  const origin = {
    source: randomUUID(),
    ...(sources.worker !== null && { worker: sources.worker }),
  };
  let underWay = 0;

  async function read(name: string, query: URLSearchParams): Promise<Answer> {
    const reading = readings.get(name);
    if (!reading) return refusal(404, "The console has no such path.");
    if (underWay >= maxReadings) return refusal(429, "Others are looking too: try again.");
    underWay += 1;
    const value = await reading(query).finally(() => (underWay -= 1));
    return value ? toAnswer(200, value) : refusal(404, "It is not there any more.");
  }

  return {
    async ask({ name, query, fields }) {
      if (!fields) return read(name, query);
      const action = actions.get(name);
      if (!action) return refusal(404, "The console has no such path.");
      const { status, value } = await action(fields);
      return toAnswer(status, value);
    },
    watch(query, { send }) {
      const viewer = feed.open({
        filter: textOf(query, "text"),
        hasContents: query.has("contents"),
        isForRefusals: query.get("only") === "refusals",
        send: (message) => send(JSON.stringify({ ...message, ...origin })),
      });
      return viewer && { resume: () => viewer.resume(), close: () => feed.close(viewer) };
    },
  };
}

/** @param message a sentence: what is refused and, where it helps, what to do */
export function refusal(status: number, message: string): Answer {
  return toAnswer(status, { message });
}

function toAnswer(status: number, value: object): Answer {
  return { status, text: JSON.stringify(value) };
}
