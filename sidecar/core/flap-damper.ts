/**
 * Keeps who comes and goes again and again from being announced each time: a coming is announced at once, the going of
 * one who came within the same tick at its end, and not at all if it is undone by then (as route flap damping does in
 * BGP, RFC 2439). So one who flaps costs the others two messages a tick, however fast; all others are announced at
 * once.
 */
export class FlapDamper<Entry> {
  /** Who came since the last tick. */
  readonly #recent = new Set<string>();
  /** Who went since, which nobody was sent yet. */
  readonly #held = new Map<string, Entry>();

  /** False: it was never announced as gone. */
  came(key: string): boolean {
    if (this.#held.delete(key)) return false;
    this.#recent.add(key);
    return true;
  }

  /** False: not to be announced yet. */
  went(key: string, entry: Entry): boolean {
    if (!this.#recent.has(key)) return true;
    this.#held.set(key, entry);
    return false;
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** Who is gone, and announced as here. */
  held(): Iterable<Entry> {
    return this.#held.values();
  }

  /** Whose going is to be announced now, by `release`. */
  tick(): readonly string[] {
    this.#recent.clear();
    return [...this.#held.keys()];
  }

  /** Null: it has come back. */
  release(key: string): Entry | null {
    const entry = this.#held.get(key) ?? null;
    this.#held.delete(key);
    return entry;
  }
}
