/** Entries of an app's log in Redis, in their order and by channel, with what became of users. */

import { encodeFrame } from "../../core/frame.ts";
import { encodeChannelEvent } from "../../core/messages.ts";
import type { LoggedEvent } from "../../core/recovery/ports.ts";
import { compareEntryIds } from "./entry-id.ts";
import { parseEnvelope } from "./envelope.ts";
import { controlChannel } from "./keys.ts";
import type { LogEntry } from "./scripts/events.ts";

/** What an event costs beside its text, which is kept twice: as it was read, and as a frame. */
const overheadBytes = 300;

export class LogIndex {
  readonly #appId: string;
  readonly #maxBytes: number;
  readonly #channels = new Map<string, LoggedEvent[]>();
  /** In the order of the log: which channel's first event goes next, where there is no room; null: a termination. */
  #order: { readonly channel: string | null; readonly id: string; readonly bytes: number }[] = [];
  #first = 0;
  #bytes = 0;
  readonly #terminations: { readonly userId: string; readonly id: string }[] = [];
  /** It has what stands behind this entry. */
  beginning: string;
  /** It has what stands before this entry, and the entry itself. */
  end: string;

  constructor(appId: string, beginning: string, maxBytes: number) {
    this.#appId = appId;
    this.#maxBytes = maxBytes;
    this.beginning = beginning;
    this.end = beginning;
  }

  add({ id, message, channels }: LogEntry): void {
    this.end = id;
    const parsed = parseEnvelope(message);
    if (!parsed.ok) return;
    const { envelope } = parsed;
    if (envelope.type === "terminate") {
      this.#terminations.push({ userId: envelope.userId, id });
      this.#count(null, id, message.length + overheadBytes);
      return this.#bound();
    }
    if (envelope.type !== "event") return;
    for (const channel of channels) {
      if (channel === controlChannel) continue;
      const event = { ...envelope.event, appId: this.#appId, channel };
      const frame = encodeFrame(encodeChannelEvent(event));
      const bytes = frame.length + message.length + overheadBytes;
      this.#push(channel, { position: id, event, frame }, bytes);
    }
    this.#bound();
  }

  /** Those of a channel behind an entry. */
  of(channel: string, after: string): readonly LoggedEvent[] {
    const events = this.#channels.get(channel) ?? [];
    return events.filter(({ position }) => compareEntryIds(position, after) > 0);
  }

  hasTerminated(userIds: ReadonlySet<string>, after: string): boolean {
    return this.#terminations.some(
      ({ userId, id }) => userIds.has(userId) && compareEntryIds(id, after) > 0,
    );
  }

  #push(channel: string, event: LoggedEvent, bytes: number): void {
    const events = this.#channels.get(channel) ?? [];
    events.push(event);
    this.#channels.set(channel, events);
    this.#count(channel, event.position, bytes);
  }

  #count(channel: string | null, id: string, bytes: number): void {
    this.#order.push({ channel, id, bytes });
    this.#bytes += bytes;
  }

  /** The oldest go. */
  #bound(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#order[this.#first++];
      if (!oldest) return;
      if (oldest.channel === null) this.#terminations.shift();
      else this.#dropFirst(oldest.channel);
      this.#bytes -= oldest.bytes;
      this.beginning = oldest.id;
    }
    if (this.#first > this.#order.length / 2) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }

  #dropFirst(channel: string): void {
    const events = this.#channels.get(channel);
    events?.shift();
    if (events?.length === 0) this.#channels.delete(channel);
  }
}
