/** The most recent refusals, kept for the console: by the time somebody asks why, the refused page is closed. */

import type { SidecarEvent } from "../core/report.ts";

export interface KeptRefusal {
  /** Since 1970. */
  readonly atMs: number;
  readonly event: SidecarEvent;
}

interface Kept extends KeptRefusal {
  readonly order: number;
}

export class RecentRefusals {
  readonly #max: number;
  readonly #now: () => number;
  /** Of each kind the oldest first. */
  readonly #byKind = new Map<string, Kept[]>();
  /** Ever added. */
  #added = 0;
  #second = 0;
  /** Looked at in this second, by reason. */
  readonly #counts = new Map<string, number>();

  /** @param options.now milliseconds since 1970 */
  constructor(options: { readonly max: number; readonly now: () => number }) {
    this.#max = options.max;
    this.#now = options.now;
  }

  add(event: SidecarEvent): void {
    const atMs = this.#now();
    if (!this.#mayAdd(event, atMs)) return;
    if (this.#added >= this.#max) this.#dropOne();
    const kept = this.#byKind.get(event.kind) ?? [];
    this.#byKind.set(event.kind, kept);
    // A copy: who reports may use the object again.
    kept.push({ atMs, event: cutTexts({ ...event }), order: (this.#added += 1) });
  }

  /** A copy of each refusal of a flood would cost more than all else that is done about it. */
  #mayAdd(event: SidecarEvent, atMs: number): boolean {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) this.#counts.clear();
    this.#second = second;
    const reason = "reason" in event ? event.reason : event.kind;
    const count = this.#counts.get(reason) ?? 0;
    if (count === maxPerSecond) return false;
    this.#counts.set(reason, count + 1);
    return true;
  }

  /** The oldest first. */
  all(): readonly KeptRefusal[] {
    return [...this.#byKind.values()].flat().toSorted((one, other) => one.order - other.order);
  }

  /** The oldest of the kind that there is most of: what comes by the thousand must not hide the one that is asked about. */
  #dropOne(): void {
    let most: Kept[] = [];
    for (const kept of this.#byKind.values()) if (kept.length > most.length) most = kept;
    most.shift();
  }
}

/** Of one reason. */
const maxPerSecond = 1_000;
/** What a client made up is kept no longer than this. */
const maxTextLength = 256;

/** Also so that no text is a part of a longer one, which would be kept with it. */
function cutTexts<Event extends object>(event: Event): Event {
  for (const [name, value] of Object.entries(event)) {
    if (typeof value !== "string") continue;
    Object.assign(event, { [name]: Buffer.from(value.slice(0, maxTextLength)).toString() });
  }
  return event;
}
