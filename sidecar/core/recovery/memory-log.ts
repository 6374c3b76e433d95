/** The log of a single node: the last events of one app, bounded per channel and in total. */

import { encodeFrame, type Frame } from "../frame.ts";
import { encodeChannelEvent } from "../messages.ts";
import type { ChannelEvent } from "../ports.ts";
import type { LoggedEvent, Missed, RecoveryLog } from "./ports.ts";
import type { Position } from "./session.ts";

export interface LogBounds {
  /** Of one channel. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Of all channels together. */
  readonly totalEvents: number;
  readonly totalBytes: number;
  /** What is older goes. */
  readonly maxAgeMs: number;
}

/** What an entry costs beside its data, twice: as it was published and, once somebody is sent it, as a frame. */
const entryOverheadBytes = 300;

class Entry implements LoggedEvent {
  readonly number: number;
  readonly event: ChannelEvent;
  readonly bytes: number;
  readonly atMs: number;
  /** In the order of the log. */
  older: Entry | null = null;
  newer: Entry | null = null;
  nextInChannel: Entry | null = null;
  #frame: Frame | null = null;

  constructor(number: number, event: ChannelEvent, atMs: number) {
    this.number = number;
    this.event = event;
    this.bytes = 2 * event.dataJson.length + entryOverheadBytes;
    this.atMs = atMs;
  }

  get position(): Position {
    return String(this.number);
  }

  get frame(): Frame {
    return (this.#frame ??= encodeFrame(encodeChannelEvent(this.event)));
  }
}

/** One channel's entries, and the number of the last one that is gone. */
interface ChannelLog {
  oldest: Entry | null;
  newest: Entry | null;
  events: number;
  bytes: number;
  lost: number;
}

export class MemoryLog implements RecoveryLog {
  readonly #bounds: LogBounds;
  readonly #channels = new Map<string, ChannelLog>();
  #oldest: Entry | null = null;
  #newest: Entry | null = null;
  #events = 0;
  #bytes = 0;
  #nowMs = 0;
  /** Of channels that have no entry any more, the last one that is gone. */
  #lost = 0;
  /** Not 0: who has acknowledged that has answered. */
  delivered = 1;
  current: Position | null = null;

  constructor(bounds: LogBounds) {
    this.#bounds = bounds;
  }

  begin(event: ChannelEvent): void {
    this.delivered += 1;
    this.current = String(this.delivered);
    this.#append(new Entry(this.delivered, event, this.#nowMs));
  }

  end(): void {
    this.current = null;
  }

  mark(): number {
    return (this.delivered += 1);
  }

  positionAt(delivered: number): Position {
    return String(delivered);
  }

  compare(a: Position, b: Position): number {
    return Number(a) - Number(b);
  }

  /** It has all of the channel's events behind this position. */
  reachesBack(channel: string, after: Position): boolean {
    return Number(after) >= (this.#channels.get(channel)?.lost ?? this.#lost);
  }

  read(channel: string, after: Position, done: (missed: Missed) => void): void {
    if (!this.reachesBack(channel, after)) return done({ ok: false });
    const log = this.#channels.get(channel);
    const from = Number(after);
    const events: Entry[] = [];
    for (let entry = log?.oldest ?? null; entry; entry = entry.nextInChannel) {
      if (entry.number > from) events.push(entry);
    }
    done({ ok: true, events, upTo: String(this.delivered) });
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    while (this.#oldest && this.#oldest.atMs < nowMs - this.#bounds.maxAgeMs) {
      this.#drop(this.#oldest);
    }
  }

  /** Oldest first. */
  *entries(): Iterable<{ readonly number: number; readonly event: ChannelEvent }> {
    for (let entry = this.#oldest; entry; entry = entry.newer) yield entry;
  }

  /** Goes on with what another process had: to be called on an empty log. */
  restore(
    delivered: number,
    entries: Iterable<{ readonly number: number; readonly event: ChannelEvent }>,
  ): void {
    let first: number | null = null;
    for (const { number, event } of entries) {
      // Nobody knows what stood before the first one.
      first ??= number;
      this.#lost = Math.max(this.#lost, first - 1);
      this.#append(new Entry(number, event, this.#nowMs));
    }
    this.delivered = delivered;
    if (first === null) this.#lost = delivered;
  }

  #append(entry: Entry): void {
    const { channel } = entry.event;
    const log = this.#channels.get(channel) ?? this.#open(channel);
    if (log.newest) log.newest.nextInChannel = entry;
    else log.oldest = entry;
    log.newest = entry;
    log.events += 1;
    log.bytes += entry.bytes;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    entry.older = this.#newest;
    this.#newest = entry;
    this.#events += 1;
    this.#bytes += entry.bytes;
    this.#bound(log);
  }

  #bound(log: ChannelLog): void {
    const { maxEvents, maxBytes, totalEvents, totalBytes } = this.#bounds;
    while (log.oldest && (log.events > maxEvents || log.bytes > maxBytes)) this.#drop(log.oldest);
    while (this.#oldest && (this.#events > totalEvents || this.#bytes > totalBytes)) {
      this.#drop(this.#oldest);
    }
  }

  #open(channel: string): ChannelLog {
    const log = { oldest: null, newest: null, events: 0, bytes: 0, lost: this.#lost };
    this.#channels.set(channel, log);
    return log;
  }

  /** @param entry the oldest one of its channel */
  #drop(entry: Entry): void {
    const { channel } = entry.event;
    const log = this.#channels.get(channel);
    if (!log) return;
    log.oldest = entry.nextInChannel;
    log.events -= 1;
    log.bytes -= entry.bytes;
    log.lost = entry.number;
    if (!log.oldest) {
      this.#channels.delete(channel);
      this.#lost = Math.max(this.#lost, log.lost);
    }
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    this.#events -= 1;
    this.#bytes -= entry.bytes;
  }
}
