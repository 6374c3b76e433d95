/**
 * The cluster's log as one node sees it for its clients: what it has delivered, and what the log in Redis has after
 * that.
 */

import type { ChannelEvent } from "../../core/ports.ts";
import type { Missed, RecoveryLog } from "../../core/recovery/ports.ts";
import type { Position } from "../../core/recovery/session.ts";
import { compareEntryIds, laterEntryId } from "./entry-id.ts";
import type { LogMirror } from "./log-mirror.ts";

/** Redis' log has no more: who has acknowledged less can't be given all of the rest. */
const maxPositions = 10_000;

export class RedisRecoveryLog implements RecoveryLog {
  readonly #mirror: LogMirror;
  /** Where the log was when so many events had been delivered, from `#first` on; null: nobody knew. */
  #positions: (string | null)[] = [null];
  #first = 1;
  current: Position | null = null;

  constructor(mirror: LogMirror) {
    this.#mirror = mirror;
  }

  get delivered(): number {
    return this.#first + this.#positions.length - 1;
  }

  begin({ position }: ChannelEvent): void {
    this.current = position ?? null;
    this.#push(position === undefined ? this.#last : laterEntryId(this.#last, position));
  }

  end(): void {
    this.current = null;
  }

  mark(): number {
    this.#push(this.#last);
    return this.delivered;
  }

  positionAt(delivered: number): Position | null {
    return this.#positions[delivered - this.#first] ?? null;
  }

  compare(a: Position, b: Position): number {
    return compareEntryIds(a, b);
  }

  /** All entries up to this one have come. */
  advance(position: string): void {
    this.#positions[this.#positions.length - 1] = laterEntryId(this.#last, position);
  }

  read(channel: string, after: Position, done: (missed: Missed) => void): void {
    void this.#read(channel, after, done);
  }

  tick(nowMs: number): void {
    this.#mirror.tick(nowMs);
  }

  async #read(channel: string, after: Position, done: (missed: Missed) => void): Promise<void> {
    const missed = await this.#mirror.missed(channel, after).catch(() => ({ ok: false }) as const);
    // Whoever is given it and leaves at once has had it, though the next heartbeat is yet to say so of this node.
    if (missed.ok) this.advance(missed.upTo);
    done(missed);
  }

  get #last(): string | null {
    return this.#positions.at(-1) ?? null;
  }

  #push(position: string | null): void {
    this.#positions.push(position);
    if (this.#positions.length < 2 * maxPositions) return;
    this.#first += maxPositions;
    this.#positions = this.#positions.slice(maxPositions);
  }
}
