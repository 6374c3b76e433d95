/**
 * Fair queueing by virtual time (Golestani 1994; Bennett, Zhang 1996). Whoever is served advances by what it cost, and
 * whoever is least far ahead is next. So expensive ones are served rarely, and one that was idle and costs little is
 * served at once, however many others wait.
 */

import { Heap } from "./heap.ts";

export interface Queued {
  /** How far it is, in the virtual time of its queue: at first the queue's own. Kept while it is idle. */
  tag: number;
  /** What its next service may cost: the most of the last ones, the longer ago the less. At first a guess. */
  estimate: number;
}

/** By so much an estimate counts less with each service. */
const estimateDecay = 0.5;

interface Waiting<T> {
  readonly item: T;
  readonly tag: number;
  isServed: boolean;
}

export class FairQueue<T extends Queued> {
  /** By how far each will be after its service. */
  readonly #byFinish = new Heap<Waiting<T>>();
  /** By how far each is: for the one that is the least far on. */
  readonly #byTag = new Heap<Waiting<T>>();
  #virtualTime = 0;
  #furthest = 0;

  get size(): number {
    return this.#byFinish.size;
  }

  /** Where the one is that is the least far on; who was idle begins there, for being idle earns nothing. */
  get virtualTime(): number {
    return this.#virtualTime;
  }

  /** An item that does not wait already. */
  add(item: T): void {
    item.tag = Math.max(item.tag, this.#virtualTime);
    this.#push(item);
  }

  /** Takes out the next one; `served` says what became of it. */
  shift(): T | undefined {
    const waiting = this.#byFinish.shift();
    if (!waiting) return undefined;
    waiting.isServed = true;
    while (this.#byTag.first()?.isServed) this.#byTag.shift();
    const leastTag = this.#byTag.first()?.tag ?? waiting.tag;
    this.#virtualTime = Math.max(this.#virtualTime, Math.min(leastTag, waiting.tag));
    return waiting.item;
  }

  served(item: T, { cost, wantsMore }: { cost: number; wantsMore: boolean }): void {
    item.tag += cost;
    item.estimate = Math.max(cost, item.estimate * estimateDecay);
    this.#furthest = Math.max(this.#furthest, item.tag);
    if (wantsMore) this.#push(item);
    // Nobody waits, so nobody is ahead: what was done while nobody else wanted anything is not charged later.
    if (this.size === 0) this.#virtualTime = this.#furthest;
  }

  #push(item: T): void {
    const waiting = { item, tag: item.tag, isServed: false };
    this.#byFinish.push(waiting, item.tag + item.estimate);
    this.#byTag.push(waiting, item.tag);
  }
}
