/**
 * The connection on which published messages arrive; opened again whenever it breaks, and checked in case it only seems
 * alive.
 */

import type { Redis } from "ioredis";
import { parseTopic } from "./keys.ts";
import { pages } from "./pages.ts";
import { reconnectDelayMs } from "./reconnect.ts";

/** What an app gets from its link. None of it may throw. */
export interface SubscriberListener {
  message(channel: string, text: string): void;
  /** Nothing is subscribed, and nothing was since the link was lost. */
  ready(): void;
  lost(): void;
}

export interface SubscriberLinkOptions {
  /** Gives a client that is not connected yet and does not come again by itself. */
  readonly connect: () => Promise<Redis>;
  /** Whether messages are published with SPUBLISH. */
  readonly isSharded: () => Promise<boolean>;
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

type State =
  /** `redis` is null until it is known where to connect to. */
  | { readonly kind: "connecting"; readonly redis: Redis | null }
  | { readonly kind: "ready"; readonly redis: Redis; readonly isSharded: boolean }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

export class SubscriberLink {
  readonly #options: SubscriberLinkOptions;
  readonly #listeners = new Map<string, SubscriberListener>();
  #state: State = { kind: "connecting", redis: null };
  #failures = 0;

  constructor(options: SubscriberLinkOptions) {
    this.#options = options;
    void this.#connect();
  }

  get isReady(): boolean {
    return this.#state.kind === "ready";
  }

  /** From now on the listener gets what is published under this base. */
  attach(base: string, listener: SubscriberListener): void {
    this.#listeners.set(base, listener);
  }

  /** Resolves once all are subscribed: what is published from then on arrives. */
  async subscribe(topics: readonly string[]): Promise<void> {
    const { redis, isSharded } = this.#use();
    for (const some of pages(topics)) {
      await this.#within(isSharded ? redis.ssubscribe(...some) : redis.subscribe(...some));
    }
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    const { redis, isSharded } = this.#use();
    for (const some of pages(topics)) {
      await this.#within(isSharded ? redis.sunsubscribe(...some) : redis.unsubscribe(...some));
    }
  }

  /** Resolves once all that was published before the call has arrived. */
  async ping(): Promise<void> {
    await this.#within(this.#use().redis.ping());
  }

  /** Gives the connection up, as broken. */
  reset(): void {
    const state = this.#state;
    if (state.kind === "connecting" || state.kind === "ready") state.redis?.disconnect();
  }

  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "waiting") return clearTimeout(state.timer);
    if (state.kind === "closed") return;
    state.redis?.disconnect();
    if (state.kind === "ready") this.#sayLost();
  }

  get #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  #use(): Extract<State, { kind: "ready" }> {
    if (this.#state.kind !== "ready") throw new Error("not connected");
    return this.#state;
  }

  async #connect(): Promise<void> {
    this.#state = { kind: "connecting", redis: null };
    let redis: Redis | null = null;
    try {
      redis = await this.#options.connect();
      if (this.#isClosed) return redis.disconnect();
      this.#state = { kind: "connecting", redis };
      redis.on("error", this.#options.onError);
      redis.on("moved", () => redis?.disconnect());
      redis.on("message", this.#receive);
      redis.on("smessage", this.#receive);
      await redis.connect();
      const isSharded = await this.#options.isSharded();
      redis.on("close", () => this.#lose());
      if (redis.status !== "ready") throw new Error("closed while connecting");
      this.#state = { kind: "ready", redis, isSharded };
      this.#failures = 0;
      for (const listener of this.#listeners.values()) listener.ready();
    } catch (error) {
      if (error instanceof Error) this.#options.onError(error);
      redis?.disconnect();
      if (!this.isReady) this.#retry();
    }
  }

  #lose(): void {
    if (!this.isReady) return;
    this.#retry();
    this.#sayLost();
  }

  #sayLost(): void {
    for (const listener of this.#listeners.values()) listener.lost();
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#failures += 1;
    const timer = setTimeout(() => void this.#connect(), reconnectDelayMs(this.#failures));
    this.#state = { kind: "waiting", timer };
  }

  readonly #receive = (topic: string, text: string): void => {
    const parsed = parseTopic(topic);
    if (parsed) this.#listeners.get(parsed.base)?.message(parsed.channel, text);
  };

  /** No answer in time: the connection is of no use any more. */
  async #within(answer: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => this.reset(), this.#options.timeoutMs);
    try {
      await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
