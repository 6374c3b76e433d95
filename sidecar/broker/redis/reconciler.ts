/**
 * Brings the stored state to the desired one, a batch at a time; while one is in flight the next one gathers. A crowd
 * that comes at once then costs few round trips, and what is undone meanwhile costs none.
 */

import { Coalescer } from "./coalescer.ts";

export interface Change<K, V> {
  readonly key: K;
  /** Undefined: to be removed. */
  readonly value: V | undefined;
}

export interface ReconcilerOptions<K, V> {
  /** Splits changes into batches, in the order in which to send them. */
  readonly plan: (changes: readonly Change<K, V>[]) => readonly (readonly Change<K, V>[])[];
  /** Resolves once the batch is stored; rejects if that is not known. */
  readonly send: (batch: readonly Change<K, V>[]) => Promise<void>;
  /** A batch may not have been stored: nothing more is sent until `resync`. */
  readonly onFault: () => void;
  /** @default the same value */
  readonly isSame?: (desired: V, stored: V) => boolean;
}

type State =
  | { readonly kind: "stopped" }
  | { readonly kind: "resyncing" | "live"; readonly signal: AbortSignal };

export class Reconciler<K, V> {
  readonly #options: ReconcilerOptions<K, V>;
  readonly #desired = new Map<K, V>();
  #stored = new Map<K, V>();
  /** Keys changed since the last round. */
  #dirty = new Set<K>();
  #inFlight: ReadonlyMap<K, V | undefined> = new Map();
  #state: State = { kind: "stopped" };
  readonly #rounds = new Coalescer(() => this.#round());
  /** The changes being sent: one sequence of batches at a time. */
  #sending: Promise<void> = Promise.resolve();

  constructor(options: ReconcilerOptions<K, V>) {
    this.#options = options;
  }

  get desired(): ReadonlyMap<K, V> {
    return this.#desired;
  }

  /** As far as this node knows. */
  get stored(): ReadonlyMap<K, V> {
    return this.#stored;
  }

  /** Whether it is stored or on its way. */
  isStored(key: K): boolean {
    return this.#stored.has(key) || this.#inFlight.get(key) !== undefined;
  }

  /** @param value undefined: remove it */
  set(key: K, value: V | undefined): void {
    if (value === undefined) this.#desired.delete(key);
    else this.#desired.set(key, value);
    // While nothing can be sent, changes need not be remembered: `resync` compares everything.
    if (!this.#canSend) return;
    if (!this.#inFlight.has(key) && !this.#differs(key)) return void this.#dirty.delete(key);
    this.#dirty.add(key);
    if (this.#state.kind === "live") void this.#rounds.run();
  }

  /** Resolves once everything desired before the call is stored, or can't be stored now. */
  async flush(): Promise<void> {
    const hasWork = this.#dirty.size > 0 || this.#rounds.current !== null;
    if (hasWork && this.#state.kind === "live" && this.#canSend) await this.#rounds.run();
  }

  /** Like `flush` for one key; at once if there is nothing to do for it. */
  async flushKey(key: K): Promise<void> {
    if (this.#dirty.has(key) || this.#inFlight.has(key)) await this.flush();
  }

  /** Resolves once no batch is in flight. */
  async idle(): Promise<void> {
    await this.#rounds.current;
    await this.#sending.catch(() => {});
  }

  /**
   * Compares everything desired with what is stored, sends the difference, and goes on with changes until the signal
   * aborts. Rejects if the stored state can't be read or written.
   *
   * @param readStored called once no batch is in flight, since one of the previous period may arrive until then
   */
  async resync(readStored: () => ReadonlyMap<K, V>, signal: AbortSignal): Promise<void> {
    await this.idle();
    signal.throwIfAborted();
    this.#stored = new Map(readStored());
    // Changes from here on are sent right after.
    this.#state = { kind: "resyncing", signal };
    this.#dirty = new Set();
    await this.#send(new Set([...this.#desired.keys(), ...this.#stored.keys()]), signal);
    signal.throwIfAborted();
    this.#state = { kind: "live", signal };
    await this.flush();
  }

  get #canSend(): boolean {
    return this.#state.kind !== "stopped" && !this.#state.signal.aborted;
  }

  async #round(): Promise<void> {
    const state = this.#state;
    if (state.kind !== "live" || state.signal.aborted || this.#dirty.size === 0) return;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    try {
      await this.#send(dirty, state.signal);
    } catch {
      if (state.signal.aborted) return;
      this.#state = { kind: "stopped" };
      this.#options.onFault();
    }
  }

  #send(keys: ReadonlySet<K>, signal: AbortSignal): Promise<void> {
    this.#sending = this.#sendBatches(keys, signal);
    return this.#sending;
  }

  /** Rejects when the signal aborts: the rest of this period's batches is not sent in the next one. */
  async #sendBatches(keys: ReadonlySet<K>, signal: AbortSignal): Promise<void> {
    const changes = [...keys]
      .filter((key) => this.#differs(key))
      .map((key) => ({ key, value: this.#desired.get(key) }));
    this.#inFlight = new Map(changes.map(({ key, value }) => [key, value]));
    try {
      for (const batch of this.#options.plan(changes)) {
        await this.#options.send(batch);
        signal.throwIfAborted();
        for (const { key, value } of batch) {
          if (value === undefined) this.#stored.delete(key);
          else this.#stored.set(key, value);
        }
      }
    } finally {
      this.#inFlight = new Map();
    }
  }

  #differs(key: K): boolean {
    const { isSame = Object.is } = this.#options;
    const desired = this.#desired.get(key);
    const stored = this.#stored.get(key);
    if (desired === undefined || stored === undefined) return desired !== stored;
    return !isSame(desired, stored);
  }
}
