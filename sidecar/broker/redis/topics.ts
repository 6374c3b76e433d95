/** Which channels this node listens to: what is wanted and what is subscribed, brought together in as few commands as it takes. */

export interface TopicsOptions {
  readonly subscribe: (channels: readonly string[]) => Promise<void>;
  readonly unsubscribe: (channels: readonly string[]) => Promise<void>;
  /** What is wanted could not be had; `connect` makes it good. */
  readonly onFault: () => void;
}

export class Topics {
  readonly #options: TopicsOptions;
  readonly #wanted = new Set<string>();
  /** Wanted or dropped since the last round. */
  #changed = new Set<string>();
  #subscribed = new Set<string>();
  #syncing: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #isConnected = false;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** Resolves once it is subscribed, or can't be now; nothing to wait for: nothing is returned. */
  want(channel: string): void | Promise<void> {
    this.#wanted.add(channel);
    this.#changed.add(channel);
    if (this.#isConnected && !this.#subscribed.has(channel)) return this.#sync();
  }

  drop(channel: string): void {
    this.#wanted.delete(channel);
    this.#changed.add(channel);
    if (this.#isConnected) void this.#sync();
  }

  /** The link is new: nothing is subscribed on it. Resolves once all is that is wanted; rejects if it can't be. */
  async connect(): Promise<void> {
    this.disconnect();
    const subscribing = [...this.#wanted];
    this.#changed = new Set();
    await this.#options.subscribe(subscribing);
    this.#subscribed = new Set(subscribing);
    this.#isConnected = true;
    await this.#sync();
  }

  disconnect(): void {
    this.#isConnected = false;
    this.#subscribed = new Set();
  }

  /** One round at a time; who comes meanwhile shares the next one. */
  #sync(): Promise<void> {
    if (!this.#syncing) {
      this.#syncing = this.#round().finally(() => {
        this.#syncing = null;
      });
      return this.#syncing;
    }
    const current = this.#syncing;
    this.#next ??= (async () => {
      await current;
      this.#next = null;
      await this.#sync();
    })();
    return this.#next;
  }

  async #round(): Promise<void> {
    // What is wanted within this turn of the event loop goes in one command.
    await Promise.resolve();
    const subscribed = this.#subscribed;
    const changed = [...this.#changed];
    this.#changed = new Set();
    const missing = changed.filter((name) => this.#wanted.has(name) && !subscribed.has(name));
    const surplus = changed.filter((name) => !this.#wanted.has(name) && subscribed.has(name));
    try {
      if (missing.length > 0) await this.#options.subscribe(missing);
      for (const channel of missing) subscribed.add(channel);
      if (surplus.length > 0) await this.#options.unsubscribe(surplus);
      for (const channel of surplus) subscribed.delete(channel);
    } catch {
      this.#options.onFault();
    }
  }
}
