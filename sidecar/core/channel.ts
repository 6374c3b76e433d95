/** A channel with subscribers on this node: its connections, and the answers that they share. */

import { channelKind, type ChannelKind } from "./channel-name.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeChannelEvent } from "./messages.ts";
import type { Broker } from "./ports.ts";
import { PresenceFeed } from "./presence-feed.ts";
import type { Recipient } from "./recipient.ts";

/** An answer of the broker, which is right until the next event. */
interface LastEvent {
  readonly eventCount: number;
  readonly frame: Promise<Frame | null>;
}

export class Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly connections = new Set<Recipient>();
  /** Of a presence channel. */
  readonly feed: PresenceFeed | null;
  /** How many events were broadcast here so far, those of clients aside: each is the last event of a cache channel. */
  eventCount = 0;
  #lastEvent: LastEvent | null = null;
  #lastEventBytes = 0;

  constructor(name: string) {
    this.name = name;
    this.kind = channelKind(name);
    this.feed = this.kind.access === "presence" ? new PresenceFeed(name, this.connections) : null;
  }

  /** What the next subscriber will be answered is about so long; 0 where that is not known, or little. */
  get answerBytes(): number {
    return (this.feed?.listBytes ?? 0) + this.#lastEventBytes;
  }

  /** The last event of a cache channel, asked for and encoded once for all who want it before the next event or tick. */
  lastEvent(appId: string, broker: Broker): Promise<Frame | null> {
    const { eventCount } = this;
    if (this.#lastEvent?.eventCount !== eventCount) {
      this.#lastEvent = { eventCount, frame: this.#askForLastEvent(appId, broker) };
    }
    return this.#lastEvent.frame;
  }

  /** What is to be done now, one by one. */
  tick(): (() => void)[] {
    this.#lastEvent = null;
    return this.feed?.tick() ?? [];
  }

  async #askForLastEvent(appId: string, broker: Broker): Promise<Frame | null> {
    const cached = await broker.lastEvent(appId, this.name);
    const frame = cached && encodeFrame(encodeChannelEvent(cached.event));
    this.#lastEventBytes = frame?.length ?? 0;
    return frame;
  }
}
