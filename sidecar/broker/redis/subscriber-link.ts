/** One connection that brings what is published; made anew whenever it breaks, and found out when it only seems alive. */

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

export class SubscriberLink {
  readonly #options: SubscriberLinkOptions;
  readonly #listeners = new Map<string, SubscriberListener>();
  #redis: Redis | null = null;
  #isSharded = false;
  #isReady = false;
  #isClosed = false;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: SubscriberLinkOptions) {
    this.#options = options;
    void this.#connect();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** From now on the listener gets what is published under this base. */
  attach(base: string, listener: SubscriberListener): void {
    this.#listeners.set(base, listener);
  }

  /** Resolves once all are subscribed: what is published from then on arrives. */
  async subscribe(topics: readonly string[]): Promise<void> {
    const redis = this.#use();
    for (const some of pages(topics)) {
      await this.#within(this.#isSharded ? redis.ssubscribe(...some) : redis.subscribe(...some));
    }
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    const redis = this.#use();
    for (const some of pages(topics)) {
      await this.#within(
        this.#isSharded ? redis.sunsubscribe(...some) : redis.unsubscribe(...some),
      );
    }
  }

  /** Resolves once all that was published before the call has arrived. */
  async ping(): Promise<void> {
    await this.#within(this.#use().ping());
  }

  /** Gives the connection up, as broken. */
  reset(): void {
    this.#redis?.disconnect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#redis?.disconnect();
  }

  #use(): Redis {
    if (!this.#redis || !this.#isReady) throw new Error("not connected");
    return this.#redis;
  }

  async #connect(): Promise<void> {
    let redis: Redis | null = null;
    try {
      redis = await this.#options.connect();
      if (this.#isClosed) return redis.disconnect();
      this.#redis = redis;
      redis.on("error", this.#options.onError);
      redis.on("moved", () => redis?.disconnect());
      redis.on("message", this.#receive);
      redis.on("smessage", this.#receive);
      await redis.connect();
      this.#isSharded = await this.#options.isSharded();
      redis.on("close", () => this.#lose());
      if (redis.status !== "ready") throw new Error("closed while connecting");
      this.#isReady = true;
      this.#failures = 0;
      for (const listener of this.#listeners.values()) listener.ready();
    } catch (error) {
      if (error instanceof Error) this.#options.onError(error);
      redis?.disconnect();
      if (!this.#isReady) this.#retry();
    }
  }

  #lose(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    for (const listener of this.#listeners.values()) listener.lost();
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#failures += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(), reconnectDelayMs(this.#failures));
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
