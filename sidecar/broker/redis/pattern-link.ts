/** One connection subscribed to patterns of Redis channels; opened again whenever it breaks. */

import type { Redis } from "ioredis";
import { explainError } from "./errors.ts";
import { reconnectDelayMs } from "./reconnect.ts";

/** What the link calls. None of it may throw. */
export interface PatternListener {
  message(channel: string, text: string): void;
  up(): void;
  /** Once for each time that it was up, and when it could not be had at first. */
  lost(reason: string): void;
}

export interface PatternLinkOptions {
  /** Gives a client that is not connected yet and does not come again by itself; `attempt` counts from 0. */
  readonly connect: (attempt: number) => Redis;
  /** As PSUBSCRIBE takes them. */
  readonly patterns: readonly string[];
  /** For one command; and as often it is asked whether the connection still lives. */
  readonly timeoutMs: number;
  readonly listener: PatternListener;
}

export class PatternLink {
  readonly #options: PatternLinkOptions;
  readonly #pinging: NodeJS.Timeout;
  #redis: Redis | null = null;
  #state: "new" | "up" | "lost" | "closed" = "new";
  #attempts = 0;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #lastError = "not connected yet";

  constructor(options: PatternLinkOptions) {
    this.#options = options;
    this.#pinging = setInterval(() => void this.#ping(), options.timeoutMs).unref();
    void this.#connect();
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pinging);
    this.#redis?.disconnect();
  }

  async #connect(): Promise<void> {
    const { connect, patterns, listener } = this.#options;
    const redis = connect(this.#attempts++);
    this.#redis = redis;
    redis.on("error", this.#remember);
    redis.on("pmessage", (_pattern: string, channel: string, text: string) =>
      listener.message(channel, text),
    );
    let isOver = false;
    // Once for each connection: one that was never made does not close.
    const end = (): void => {
      if (!isOver) this.#lose();
      isOver = true;
    };
    redis.once("close", end);
    try {
      await redis.connect();
      await this.#within(redis.psubscribe(...patterns));
      if (this.#state === "closed") return redis.disconnect();
      this.#state = "up";
      this.#failures = 0;
      listener.up();
    } catch (error) {
      this.#remember(error);
      redis.disconnect();
      end();
    }
  }

  #lose(): void {
    if (this.#state === "closed") return;
    if (this.#state !== "lost") this.#options.listener.lost(this.#lastError);
    this.#state = "lost";
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => void this.#connect(), reconnectDelayMs(this.#failures));
  }

  /** A connection that only seems alive is given up. */
  async #ping(): Promise<void> {
    if (!this.isUp || !this.#redis) return;
    try {
      await this.#within(this.#redis.ping());
    } catch (error) {
      this.#remember(error);
    }
  }

  async #within(answer: Promise<unknown>): Promise<void> {
    const redis = this.#redis;
    const timer = setTimeout(() => redis?.disconnect(), this.#options.timeoutMs);
    try {
      await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  readonly #remember = (error: unknown): void => {
    this.#lastError = explainError(error) ?? this.#lastError;
  };
}
