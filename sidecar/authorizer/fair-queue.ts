/** Whose turn it is: a queue that serves client addresses in turn, and the sessions behind each address in turn. */

import { Branch, type Ordered } from "./branch.ts";
import { Schedule } from "./schedule.ts";

/** What stands in the queue. */
export interface Queued extends Ordered {
  readonly place: Place;
}

/** Behind whom an item queues. */
export interface Place {
  /** The client's, as `visitorOf` gives it. */
  readonly address: string;
  /** Distinguishes visitors of one address. */
  readonly session: string;
  /**
   * The app has accepted this session before. Sessions that it has not may be made up in any number: all of them
   * together get every other turn of their address at most.
   */
  readonly isProven: boolean;
}

export interface FairQueueOptions {
  /** Under way at a time. */
  readonly perAddress: number;
  readonly perSession: number;
  /** Waiting at a time. */
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
  /**
   * Until when nothing of this branch is served. Asked with the keys of sessions and with those of `unprovenOf`, when
   * their turn has come.
   */
  readonly blockedUntilMs: (key: string) => number;
}

/** The branch of an address in which its sessions without proof queue. */
export function unprovenOf(address: string): string {
  return `${address} unproven`;
}

/** One session's branch. */
export function sessionOf(place: Place): string {
  return pathOf(place)[2];
}

/** An item is waiting (ready for its turn, or paused) or under way, from `add` until `remove` or `release`. */
export class FairQueue<T extends Queued> {
  readonly #options: FairQueueOptions;
  readonly #root = new Branch<T>("", null, Number.POSITIVE_INFINITY);
  /** Of what waits or is under way. */
  readonly #leaves = new Map<T, Branch<T>>();
  readonly #paused = new Schedule<T>();
  readonly #blocked = new Schedule<Branch<T>>();

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#root.waiting;
  }

  get underWay(): number {
    return this.#root.underWay;
  }

  /** When `take` may find something that it does not find now. */
  get nextMs(): number {
    return Math.min(this.#paused.nextMs, this.#blocked.nextMs);
  }

  /**
   * Adds an item. Where there is no room, the newest item of whoever has most waiting goes for it: that one is returned,
   * already removed. It may be the item itself.
   */
  add(item: T): T | null {
    const victim = this.#findVictim(item);
    if (victim === item) return item;
    if (victim) this.remove(victim);
    this.#enter(item).addReady(item);
    return victim;
  }

  /** Takes an item from under way back to waiting; it is not served before `untilMs`. */
  pause(item: T, untilMs: number): void {
    this.#enter(item);
    this.#paused.add(item, untilMs);
    this.release(item);
  }

  /** Serves what is paused and `isChosen` as soon as its turn comes. */
  resume(isChosen: (item: T) => boolean): void {
    for (const item of this.#paused.items()) if (isChosen(item)) this.#ready(item);
  }

  /** The next in turn; it is under way from now on. Null if nobody may be served now. */
  take(nowMs: number): T | null {
    for (const item of this.#paused.takeDue(nowMs)) this.#ready(item);
    for (const branch of this.#blocked.takeDue(nowMs)) branch.offer();
    const leaf = this.#nextLeaf(nowMs);
    return leaf && leaf.takeFirst();
  }

  /** An item under way has ended. */
  release(item: T): void {
    const leaf = this.#leaves.get(item);
    leaf?.release();
    if (leaf && !leaf.hasWaiting(item)) this.#leaves.delete(item);
  }

  /** Takes out an item that is waiting. */
  remove(item: T): void {
    this.#paused.remove(item);
    this.#leaves.get(item)?.remove(item);
    this.#leaves.delete(item);
  }

  #ready(item: T): void {
    this.#paused.remove(item);
    this.#leaves.get(item)?.addReady(item);
  }

  #enter(item: T): Branch<T> {
    const { perAddress, perSession } = this.#options;
    const [address, group, session] = pathOf(item.place);
    const leaf = this.#root
      .child(address, perAddress)
      .child(group, perAddress)
      .child(session, perSession);
    leaf.addWaiting(item);
    this.#leaves.set(item, leaf);
    return leaf;
  }

  /**
   * Who goes if there is no room for an item: it does itself if its address, and its session there, have their part of
   * what waits already; else the newest item of the longest branch.
   */
  #findVictim(item: T): T | null {
    const [address, ...below] = pathOf(item.place);
    const { maxWaiting, maxWaitingPerAddress } = this.#options;
    if (this.#root.waiting >= maxWaiting) return victimIn(this.#root, [address, ...below], item);
    const own = this.#root.find(address);
    return own && own.waiting >= maxWaitingPerAddress ? victimIn(own, below, item) : null;
  }

  #nextLeaf(nowMs: number): Branch<T> | null {
    let branch = this.#root;
    while (!branch.isLeaf) {
      const next = branch.nextChild();
      if (!next) {
        // All of its children are blocked.
        if (!branch.parent) return null;
        branch.parent.pass(branch);
        branch = branch.parent;
        continue;
      }
      const untilMs = this.#options.blockedUntilMs(next.key);
      if (untilMs > nowMs) {
        branch.pass(next);
        this.#blocked.add(next, untilMs);
        continue;
      }
      branch = next;
    }
    return branch;
  }
}

function pathOf({ address, session, isProven }: Place): [string, string, string] {
  const group = isProven ? `${address} proven` : unprovenOf(address);
  return [address, group, `${group} ${session}`];
}

/** @param path From below `crowded` to the item's session. */
function victimIn<T extends Queued>(
  crowded: Branch<T>,
  path: readonly string[],
  item: T,
): T | null {
  let branch = crowded;
  for (const key of path) {
    const own = branch.find(key);
    if (!own || own.waiting < branch.averageWith(key)) return newestOfLongest(branch) ?? item;
    branch = own;
  }
  return item;
}

function newestOfLongest<T extends Queued>(branch: Branch<T>): T | null {
  const longest = branch.longest();
  return longest ? newestOfLongest(longest) : branch.newest();
}
