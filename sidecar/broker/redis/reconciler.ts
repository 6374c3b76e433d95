/**
 * Brings the stored state to the desired one, a batch at a time; while one is in flight the next one gathers. A crowd
 * that comes at once then costs few round trips, and what is undone meanwhile costs none.
 */

import { Coalescer } from "./coalescer.ts";

export interface Change<K, V> {
  readonly key: K;
  /** Undefined: not to be there any more. */
  readonly value: V | undefined;
}

export interface ReconcilerOptions<K, V> {
  /** The changes as the batches in which they are sent, in their order. */
  readonly plan: (changes: readonly Change<K, V>[]) => readonly (readonly Change<K, V>[])[];
  /** Resolves once the batch is stored; rejects where that is not known. */
  readonly send: (batch: readonly Change<K, V>[]) => Promise<void>;
  /** A batch was not stored, perhaps: nothing more is sent until `resync`. */
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
  /** Changed since it was last looked at. */
  #dirty = new Set<K>();
  #inFlight: ReadonlyMap<K, V | undefined> = new Map();
  #state: State = { kind: "stopped" };
  readonly #rounds = new Coalescer(() => this.#round());
  /** The changes that are being sent: one sequence of batches at a time. */
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

  /** It is stored, or on its way. */
  isStored(key: K): boolean {
    return this.#stored.has(key) || this.#inFlight.get(key) !== undefined;
  }

  /** @param value undefined: it is not to be there any more */
  set(key: K, value: V | undefined): void {
    if (value === undefined) this.#desired.delete(key);
    else this.#desired.set(key, value);
    // While nothing can be sent there is nothing to remember: `resync` looks at everything.
    if (!this.#canSend) return;
    if (!this.#inFlight.has(key) && !this.#differs(key)) return void this.#dirty.delete(key);
    this.#dirty.add(key);
    if (this.#state.kind === "live") void this.#rounds.run();
  }

  /** Resolves once all that was desired before the call is stored, or can't be now. */
  async flush(): Promise<void> {
    const hasWork = this.#dirty.size > 0 || this.#rounds.current !== null;
    if (hasWork && this.#state.kind === "live" && this.#canSend) await this.#rounds.run();
  }

  /** As `flush`, for one key; at once where nothing is to be done for it. */
  async flushKey(key: K): Promise<void> {
    if (this.#dirty.has(key) || this.#inFlight.has(key)) await this.flush();
  }

  /** Resolves once nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#rounds.current;
    await this.#sending.catch(() => {});
  }

  /**
   * Compares everything that is desired with what is stored, and sends what differs, until the signal aborts.
   * Rejects if that can't be had.
   *
   * @param readStored called once nothing is under way any more: a batch of the time before may still arrive until then
   */
  async resync(readStored: () => ReadonlyMap<K, V>, signal: AbortSignal): Promise<void> {
    await this.idle();
    signal.throwIfAborted();
    this.#stored = new Map(readStored());
    // What changes from here on is sent right after.
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

  /** Rejects when the signal aborts: what was left of this time is not sent in the next one. */
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
