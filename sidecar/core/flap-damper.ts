/**
 * Keeps a member who comes and goes repeatedly from being announced each time (as route flap damping does in BGP, RFC
 * 2439). From the third arrival within a tick on, a departure is announced at the end of the tick, and not at all if
 * the member is back by then. So one flapping member costs the others at most six messages a tick; everybody else is
 * announced at once.
 */
export class FlapDamper<Entry> {
  /** How often each came since the last tick. */
  readonly #comings = new Map<string, number>();
  /** Who went since, which nobody was sent yet. */
  readonly #delayed = new Map<string, Entry>();

  /** False: it was never announced as gone. */
  came(key: string): boolean {
    if (this.#delayed.delete(key)) return false;
    this.#comings.set(key, (this.#comings.get(key) ?? 0) + 1);
    return true;
  }

  /** False: not to be announced yet. */
  went(key: string, entry: Entry): boolean {
    if ((this.#comings.get(key) ?? 0) < delayedFrom) return true;
    this.#delayed.set(key, entry);
    return false;
  }

  isDelayed(key: string): boolean {
    return this.#delayed.has(key);
  }

  /** Who is gone, and announced as here. */
  delayed(): Iterable<Entry> {
    return this.#delayed.values();
  }

  /** Whose going is to be announced now, by `release`. */
  tick(): readonly string[] {
    this.#comings.clear();
    return [...this.#delayed.keys()];
  }

  /** Null: it has come back. */
  release(key: string): Entry | null {
    const entry = this.#delayed.get(key) ?? null;
    this.#delayed.delete(key);
    return entry;
  }
}

/** A page that is reloaded, or closed and opened in another tab, comes twice. */
const delayedFrom = 3;
