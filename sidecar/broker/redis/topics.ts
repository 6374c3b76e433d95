/** Which Redis channels this node is subscribed to: the wanted ones, with as few commands as possible. */

import { Reconciler, type Change } from "./reconciler.ts";

export interface TopicsOptions {
  readonly subscribe: (channels: readonly string[]) => Promise<void>;
  readonly unsubscribe: (channels: readonly string[]) => Promise<void>;
  /** What is wanted could not be had; `connect` makes it good. */
  readonly onFault: () => void;
}

export class Topics {
  readonly #options: TopicsOptions;
  /** Channels that may be subscribed on the link as it is. */
  readonly #possible = new Set<string>();
  /** The value says whether the subscription is certain. */
  readonly #reconciler: Reconciler<string, boolean>;

  constructor(options: TopicsOptions) {
    this.#options = options;
    this.#reconciler = new Reconciler({
      plan: (changes) =>
        [
          changes.filter(({ value }) => value !== undefined),
          changes.filter(({ value }) => value === undefined),
        ].filter(({ length }) => length > 0),
      send: (batch) => this.#send(batch),
      onFault: options.onFault,
    });
  }

  /** Resolves once it is subscribed, or can't be now. */
  want(channel: string): Promise<void> {
    this.#reconciler.set(channel, true);
    return this.#reconciler.flushKey(channel);
  }

  drop(channel: string): void {
    this.#reconciler.set(channel, undefined);
  }

  /** Resolves once all is subscribed that is wanted, and nothing else, until the signal aborts; rejects if it can't be. */
  connect(signal: AbortSignal): Promise<void> {
    return this.#reconciler.resync(
      () => new Map([...this.#possible].map((channel) => [channel, false])),
      signal,
    );
  }

  /** The link is lost, and with it what was subscribed. */
  forget(): void {
    this.#possible.clear();
  }

  async #send(batch: readonly Change<string, boolean>[]): Promise<void> {
    const channels = batch.map(({ key }) => key);
    if (batch[0]?.value === undefined) {
      await this.#options.unsubscribe(channels);
      for (const channel of channels) this.#possible.delete(channel);
    } else {
      for (const channel of channels) this.#possible.add(channel);
      await this.#options.subscribe(channels);
    }
  }
}
