/**
 * A part of an app's log in Redis, by channel, for clients that come back: they come in crowds, and each needs nearly the
 * same part of it. So it is read once for all of them, and from then on only what is new.
 */

import { LogIndex } from "./log-index.ts";
import { beginning, compareEntryIds } from "./entry-id.ts";
import type { LogReader } from "./log-reader.ts";
import type { Missed } from "../../core/recovery/ports.ts";

export interface LogMirrorOptions extends LogReader {
  readonly appId: string;
  /** Resolves once all that was published before the call has been delivered here; rejects if nobody can say. */
  readonly whenReceived: () => Promise<void>;
  /** What may be kept of it here, in bytes. */
  readonly maxBytes: number;
  /** What nobody has asked for so long is given up. */
  readonly idleMs: number;
}

const pageSize = 200;

export class LogMirror {
  readonly #options: LogMirrorOptions;
  /** Has all behind its beginning, up to its end. */
  #index: LogIndex | null = null;
  /** What is being read, and what will be as soon as that has come. */
  #current: Promise<void> | null = null;
  #next: { after: string; promise: Promise<void> } | null = null;
  #nowMs = 0;
  #askedMs = 0;

  constructor(options: LogMirrorOptions) {
    this.#options = options;
  }

  /**
   * What the channel had behind an entry, up to what was there when it was asked, or later. Of that nothing is delivered
   * here any more once this has resolved.
   */
  async missed(channel: string, after: string): Promise<Missed> {
    const index = await this.#upToNow(after);
    return index ? { ok: true, events: index.of(channel, after), upTo: index.end } : { ok: false };
  }

  /** Whether a user was terminated behind an entry; null: nobody can say, and nothing can be given either. */
  async wasTerminated(userIds: ReadonlySet<string>, after: string): Promise<boolean | null> {
    const index = await this.#upToNow(after);
    return index?.hasTerminated(userIds, after) ?? null;
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs - this.#askedMs > this.#options.idleMs && !this.#current) this.#index = null;
  }

  /** Null: it reaches back less far. */
  async #upToNow(after: string): Promise<LogIndex | null> {
    this.#askedMs = this.#nowMs;
    await this.#load(after);
    const index = this.#index;
    return index && compareEntryIds(index.beginning, after) <= 0 ? index : null;
  }

  /** What is being read may have been asked before the last publish; what is read after it has that as well. */
  #load(after: string): Promise<void> {
    if (this.#next) {
      if (compareEntryIds(after, this.#next.after) < 0) this.#next.after = after;
      return this.#next.promise;
    }
    const next = { after, promise: Promise.resolve() };
    next.promise = this.#readNext(next);
    this.#next = next;
    return next.promise;
  }

  async #readNext(next: { readonly after: string }): Promise<void> {
    await this.#current?.catch(() => undefined);
    this.#next = null;
    const reading = this.#read(next.after);
    this.#current = reading;
    try {
      await reading;
    } finally {
      if (this.#current === reading) this.#current = null;
    }
  }

  async #read(after: string): Promise<void> {
    const { read } = this.#options;
    const index = await this.#indexFrom(after);
    if (!index) return;
    for (let from = index.end; ;) {
      const { entries, upTo, isLast } = await read(from, pageSize);
      for (const entry of entries) index.add(entry);
      if (isLast) break;
      from = upTo ?? from;
    }
    // The log may be ahead of pub/sub: who is given an entry now must not be sent its message afterwards.
    await this.#options.whenReceived();
    this.#index = index;
  }

  /** One that reaches back so far, or as far as the log does; null: there is no log any more. */
  async #indexFrom(after: string): Promise<LogIndex | null> {
    const { reachesBack, read, appId, maxBytes } = this.#options;
    const index = this.#index;
    if (index && compareEntryIds(index.beginning, after) <= 0) return index;
    if (await reachesBack(after)) return new LogIndex(appId, after, maxBytes);
    const [oldest] = (await read(beginning, 1)).entries;
    return oldest ? new LogIndex(appId, oldest.id, maxBytes) : null;
  }
}
