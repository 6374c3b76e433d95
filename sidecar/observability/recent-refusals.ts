/** The refusals of the last while, so that who comes to ask why finds them: a refused page is closed by then. */

import type { SidecarEvent } from "../core/report.ts";

export interface KeptRefusal {
  /** Since 1970. */
  readonly atMs: number;
  readonly event: SidecarEvent;
}

export class RecentRefusals {
  readonly #max: number;
  readonly #now: () => number;
  /** A ring once it is full. */
  readonly #kept: KeptRefusal[] = [];
  #next = 0;

  /** @param options.now milliseconds since 1970 */
  constructor(options: { readonly max: number; readonly now: () => number }) {
    this.#max = options.max;
    this.#now = options.now;
  }

  add(event: SidecarEvent): void {
    // A copy: who reports may use the object again.
    this.#kept[this.#next] = { atMs: this.#now(), event: cutTexts({ ...event }) };
    this.#next = (this.#next + 1) % this.#max;
  }

  /** The oldest first. */
  all(): readonly KeptRefusal[] {
    const { length } = this.#kept;
    const start = length < this.#max ? 0 : this.#next;
    return [...this.#kept.slice(start), ...this.#kept.slice(0, start)];
  }
}

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
