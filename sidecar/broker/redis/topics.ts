/** Which channels this node listens to: what is wanted and what is subscribed, brought together in as few commands as it takes. */

import { Rounds } from "./rounds.ts";

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
  readonly #rounds = new Rounds(() => this.#round());
  #isConnected = false;
  #isConnecting = false;
  /** Subscribed before, and perhaps still. */
  readonly #left = new Set<string>();
  #losses = 0;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** Resolves once it is subscribed, or can't be now; nothing to wait for: nothing is returned. */
  want(channel: string): void | Promise<void> {
    this.#wanted.add(channel);
    this.#mark(channel);
    if (this.#isConnected && !this.#subscribed.has(channel)) return this.#rounds.run();
  }

  drop(channel: string): void {
    this.#wanted.delete(channel);
    this.#mark(channel);
    if (this.#isConnected) void this.#rounds.run();
  }

  /** Resolves once all is subscribed that is wanted, and nothing else; rejects if it can't be. */
  async connect(): Promise<void> {
    this.disconnect();
    const losses = this.#losses;
    const subscribing = [...this.#wanted];
    this.#changed = new Set();
    this.#isConnecting = true;
    for (const channel of subscribing) this.#left.add(channel);
    await this.#options.subscribe(subscribing);
    const surplus = [...this.#left].filter((channel) => !this.#wanted.has(channel));
    if (surplus.length > 0) await this.#options.unsubscribe(surplus);
    if (losses !== this.#losses) throw new Error("lost meanwhile");
    this.#left.clear();
    this.#subscribed = new Set(subscribing);
    for (const channel of surplus) this.#subscribed.delete(channel);
    this.#isConnecting = false;
    this.#isConnected = true;
    await this.#rounds.run();
  }

  /** Nobody says any more what is wanted; what is subscribed may still be, unless the link is lost. */
  disconnect(): void {
    this.#losses += 1;
    this.#isConnected = this.#isConnecting = false;
    for (const channel of this.#subscribed) this.#left.add(channel);
    this.#subscribed = new Set();
  }

  /** The link is lost, and with it what was subscribed. */
  forget(): void {
    this.disconnect();
    this.#left.clear();
  }

  /** While nothing can be done there is nothing to remember: `connect` looks at all that is wanted. */
  #mark(channel: string): void {
    if (this.#isConnected || this.#isConnecting) this.#changed.add(channel);
  }

  async #round(): Promise<void> {
    if (!this.#isConnected) return;
    const subscribed = this.#subscribed;
    const changed = [...this.#changed];
    this.#changed = new Set();
    const missing = changed.filter((name) => this.#wanted.has(name) && !subscribed.has(name));
    const surplus = changed.filter((name) => !this.#wanted.has(name) && subscribed.has(name));
    // Not subscribed from now on: who wants it meanwhile has to wait for it.
    for (const channel of surplus) subscribed.delete(channel);
    try {
      if (missing.length > 0) await this.#options.subscribe(missing);
      for (const channel of missing) subscribed.add(channel);
      if (surplus.length > 0) await this.#options.unsubscribe(surplus);
    } catch {
      for (const channel of changed) this.#left.add(channel);
      this.#options.onFault();
    }
  }
}
