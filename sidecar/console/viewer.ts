/** One viewer of the console: gathers events for a moment and sends them together, as many as a person can read. */

import type { ChannelEvent } from "../core/ports.ts";
import type { SidecarEvent } from "../core/report.ts";
import { causeOf } from "./causes.ts";
import { remedyFor, type Setting } from "./remedies.ts";
import type { Line } from "./sources.ts";
import { isAbout, type Topic } from "./topics.ts";

export interface ViewerOptions {
  /** Stands in one of the texts of what is shown as an event, in small letters. Empty: all are wanted. */
  readonly filter: string;
  /** What is in events is wanted too. */
  readonly hasContents: boolean;
  /** Nothing else is wanted. */
  readonly isForRefusals: boolean;
  readonly lineOf: (event: SidecarEvent) => Line | null;
  readonly setting: Setting;
  /** False: it was taken, and nothing more is until `resume`. */
  readonly send: (message: object) => boolean;
}

/** Between two flushes, of each topic: shown, and looked at by the filter. */
export const maxShown = 25;
export const maxLookedAt = 2_500;
/** Characters of what is in an event. */
export const maxContents = 2_000;

interface Tally {
  shown: number;
  lookedAt: number;
  /** That were not shown, though the filter may have found them. */
  skipped: number;
}

export class Viewer {
  readonly #options: ViewerOptions;
  readonly #tallies = new Map<Topic, Tally>();
  #entries: object[] = [];
  #isBlocked = false;

  constructor(options: ViewerOptions) {
    this.#options = options;
  }

  get hasContents(): boolean {
    return this.#options.hasContents;
  }

  get hasFilter(): boolean {
    return this.#options.filter !== "";
  }

  get isForRefusals(): boolean {
    return this.#options.isForRefusals;
  }

  see(event: SidecarEvent, topic: Topic, atMs: number): void {
    if (this.isForRefusals && topic !== "refusals") return;
    // With its contents it comes another way.
    if (event.kind === "event_delivered" && this.hasContents) return;
    if (!this.#takes(topic, event)) return;
    const { lineOf, setting } = this.#options;
    const line = lineOf(event);
    // What is ordinary, or said by another event, has none.
    if (topic === "refusals" && !line) return;
    const entry =
      topic === "refusals" ? toRefusal(event, line, setting, atMs) : toEntry(event, line, atMs);
    this.#entries.push({ ...entry, topic });
  }

  /** Ignored where it is not wanted. */
  seeContents(event: ChannelEvent, recipients: number, atMs: number): void {
    if (!this.hasContents) return;
    const { appId, channel, dataJson } = event;
    const delivered = { kind: "event_delivered", appId, event: event.event, channel, recipients };
    if (!this.#takes("events", delivered)) return;
    const bytes = Buffer.byteLength(dataJson);
    const contents = dataJson.slice(0, maxContents);
    this.#entries.push({ ...delivered, topic: "events", atMs, bytes, contents });
  }

  /** Sends what was gathered. */
  flush(): void {
    const tooMany = [...this.#tallies].filter(([, { skipped }]) => skipped > 0);
    const skipped = Object.fromEntries(tooMany.map(([topic, tally]) => [topic, tally.skipped]));
    const isNews = this.#entries.length > 0 || tooMany.length > 0;
    if (this.#isBlocked) return;
    if (isNews) this.send({ type: "entries", entries: this.#entries, skipped });
    this.#entries = [];
    this.#tallies.clear();
  }

  /** Harmless while it takes nothing. */
  send(message: object): void {
    if (!this.#isBlocked) this.#isBlocked = !this.#options.send(message);
  }

  /** It has taken what it was sent. */
  resume(): void {
    this.#isBlocked = false;
  }

  #takes(topic: Topic, event: object): boolean {
    const tally = this.#tallies.get(topic) ?? { shown: 0, lookedAt: 0, skipped: 0 };
    this.#tallies.set(topic, tally);
    const isTooMuch = tally.shown >= maxShown || tally.lookedAt >= maxLookedAt;
    if (isTooMuch) {
      tally.skipped += 1;
      return false;
    }
    tally.lookedAt += 1;
    const isWanted = topic !== "events" || isAbout(event, this.#options.filter);
    if (isWanted) tally.shown += 1;
    return isWanted;
  }
}

/** An event as the page has it: its own fields, and what the log would say of it. */
function toEntry(event: SidecarEvent, line: Line | null, atMs: number): object {
  const { level, message, hint } = line ?? {};
  return { ...event, atMs, level, message, hint };
}

/** One with why it was, what was expected, and what mends it. */
export function toRefusal(
  event: SidecarEvent,
  line: Line | null,
  setting: Setting,
  atMs: number,
): object {
  return { ...toEntry(event, line, atMs), why: causeOf(event), ...remedyFor(event, setting) };
}
