/**
 * What was published while this node was cut off, read from the log in Redis, and everything delivered once.
 *
 * Pub/sub brings messages while the link is whole. The log has the last ones too; `position` is an entry up to which
 * all were received for certain. After a cut the node reads on from there, and what it had already it knows by its id.
 */

import type { Report } from "../../core/report.ts";
import type { LogReader } from "./log-reader.ts";

export interface EventLogOptions extends LogReader {
  /** `entryId`: given for messages read from the log. */
  readonly deliver: (channel: string, message: string, entryId?: string) => void;
  /** All entries up to this one were received, and delivered. */
  readonly onPosition: (position: string) => void;
  readonly appId: string;
  readonly report: Report;
}

const pageSize = 200;
const maxBuffered = 10_000;
/** Ids remembered before the older half is forgotten. */
const maxKnownIds = 100_000;

export class EventLog {
  readonly #options: EventLogOptions;
  /** Null until the first heartbeat: there is no position to read from yet. */
  #position: string | null = null;
  /** Messages that arrive while the log is being read; null otherwise. */
  #buffered: { channel: string; message: string }[] | null = null;
  #hasOverflown = false;
  #ids = new Set<string>();
  #olderIds = new Set<string>();

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** A message has arrived by pub/sub. */
  receive(channel: string, message: string): void {
    if (!this.#buffered) return this.#options.deliver(channel, message);
    if (this.#buffered.length < maxBuffered) this.#buffered.push({ channel, message });
    else this.#hasOverflown = true;
  }

  /** Whether a message comes for the first time in this channel. To be asked exactly once per delivery. */
  isNew(id: string, channel: string): boolean {
    const key = `${id} ${channel}`;
    if (this.#ids.has(key) || this.#olderIds.has(key)) return false;
    this.#ids.add(key);
    if (this.#ids.size >= maxKnownIds) this.#forget();
    return true;
  }

  /** All entries up to this one were received. */
  advance(position: string): void {
    this.#position = position;
    this.#options.onPosition(position);
  }

  /**
   * To be called from time to time while the link is up, less often than it takes a repeated message to arrive twice.
   */
  forgetOld(): void {
    this.#forget();
  }

  /** The link is lost: what arrives from now on waits for what was missed. */
  pause(): void {
    this.#buffered ??= [];
  }

  /**
   * The link is up again: delivers what was missed, then what has arrived since. Rejects if the log can't be read, or the
   * signal aborts before that.
   */
  async replay(signal: AbortSignal): Promise<void> {
    this.#buffered ??= [];
    if (this.#position !== null) await this.#catchUp(this.#position);
    signal.throwIfAborted();
    const buffered = this.#buffered;
    this.#buffered = null;
    for (const { channel, message } of buffered) this.#options.deliver(channel, message);
  }

  async #catchUp(position: string): Promise<void> {
    const { appId, report, reachesBack } = this.#options;
    if (!(await reachesBack(position))) report({ kind: "broker_gap", appId });
    let after = position;
    let replayed = 0;
    for (;;) {
      const { entries, upTo, isLast } = await this.#options.read(after, pageSize);
      for (const { id, message, channels } of entries) {
        for (const channel of channels) this.#options.deliver(channel, message, id);
      }
      after = upTo ?? after;
      replayed += entries.length;
      // Messages that arrived meanwhile and did not fit are in the log.
      const isWhole = isLast && !this.#hasOverflown;
      if (this.#hasOverflown) this.#buffered = [];
      this.#hasOverflown = false;
      if (isWhole) break;
    }
    this.advance(after);
    if (replayed > 0) report({ kind: "broker_replayed", appId, messages: replayed });
  }

  #forget(): void {
    this.#olderIds = this.#ids;
    this.#ids = new Set();
  }
}
