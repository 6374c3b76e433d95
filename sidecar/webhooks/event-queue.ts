/** Events that wait for one endpoint, first in, first out; how many of each group, and which of them gives way. */

import type { EncodedEvent } from "./encoded-event.ts";
import { weights, type EventGroup } from "./groups.ts";

export interface WaitingEvent {
  readonly event: EncodedEvent;
  /** When it came, on the clock that never goes back. */
  readonly sinceMs: number;
}

/** A place in the queue: a later event with the same key takes it over. */
interface Place extends WaitingEvent {
  event: EncodedEvent;
}

interface Usage {
  events: number;
  bytes: number;
}

export class EventQueue {
  readonly #waiting: Place[] = [];
  readonly #total: Usage = { events: 0, bytes: 0 };
  readonly #byGroup = new Map<EventGroup, Usage>();
  readonly #byConnection = new Map<string, Usage>();
  readonly #byKey = new Map<string, Place>();

  get length(): number {
    return this.#waiting.length;
  }

  /** Of their JSON. */
  get bytes(): number {
    return this.#total.bytes;
  }

  get oldest(): WaitingEvent | undefined {
    return this.#waiting[0];
  }

  /** What waits of one connection. */
  ofConnection(socketId: string): Readonly<Usage> {
    return this.#byConnection.get(socketId) ?? { events: 0, bytes: 0 };
  }

  add(event: EncodedEvent, sinceMs: number): void {
    const place = { event, sinceMs };
    this.#waiting.push(place);
    this.#count(event, 1);
    if (event.key !== null) this.#byKey.set(event.key, place);
  }

  /** Puts the event into the place of one with the same key; false if none waits. */
  supersede(event: EncodedEvent): boolean {
    const place = event.key === null ? undefined : this.#byKey.get(event.key);
    if (!place) return false;
    this.#count(place.event, -1);
    place.event = event;
    this.#count(event, 1);
    return true;
  }

  /** The group that has most of the queue for its weight, if `event` came in too. */
  groupToGiveWay(event: EncodedEvent, max: Readonly<Usage>): EventGroup {
    let first = event.group;
    let most = this.#share(first, max, event);
    for (const group of this.#byGroup.keys()) {
      const share = group === event.group ? 0 : this.#share(group, max);
      if (share > most) [first, most] = [group, share];
    }
    return first;
  }

  /** Removes the event of a group that came last; false if none waits. */
  dropNewest(group: EventGroup): boolean {
    const index = this.#waiting.findLastIndex(({ event }) => event.group === group);
    const [dropped] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (dropped) this.#leave(dropped.event);
    return dropped !== undefined;
  }

  /** Takes the oldest, within both bounds; at least one, if there is any. */
  take(maxEvents: number, maxBytes: number): WaitingEvent[] {
    let bytes = 0;
    return this.#takeWhile(({ event }, index) => {
      bytes += event.bytes;
      return index === 0 || (index < maxEvents && bytes <= maxBytes);
    });
  }

  /** Takes those that came at `sinceMs` or before. */
  takeUntil(sinceMs: number): WaitingEvent[] {
    return this.#takeWhile((waiting) => waiting.sinceMs <= sinceMs);
  }

  clear(): void {
    this.#takeWhile(() => true);
  }

  #takeWhile(isTaken: (waiting: WaitingEvent, index: number) => boolean): WaitingEvent[] {
    const end = this.#waiting.findIndex((waiting, index) => !isTaken(waiting, index));
    const taken = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    for (const { event } of taken) this.#leave(event);
    return taken;
  }

  /** Of what the queue may hold, for the group's weight. */
  #share(group: EventGroup, max: Readonly<Usage>, more?: EncodedEvent): number {
    const { events = 0, bytes = 0 } = this.#byGroup.get(group) ?? {};
    const ofEvents = (events + (more ? 1 : 0)) / max.events;
    const ofBytes = (bytes + (more?.bytes ?? 0)) / max.bytes;
    return Math.max(ofEvents, ofBytes) / weights[group];
  }

  #leave(event: EncodedEvent): void {
    this.#count(event, -1);
    if (event.key !== null) this.#byKey.delete(event.key);
  }

  #count(event: EncodedEvent, sign: 1 | -1): void {
    addTo(this.#total, event, sign);
    tally(this.#byGroup, event.group, event, sign);
    if (event.socketId !== null) tally(this.#byConnection, event.socketId, event, sign);
  }
}

function tally<K>(usages: Map<K, Usage>, key: K, event: EncodedEvent, sign: 1 | -1): void {
  const usage = usages.get(key) ?? { events: 0, bytes: 0 };
  addTo(usage, event, sign);
  if (usage.events === 0) usages.delete(key);
  else usages.set(key, usage);
}

function addTo(usage: Usage, event: EncodedEvent, sign: 1 | -1): void {
  usage.events += sign;
  usage.bytes += sign * event.bytes;
}
