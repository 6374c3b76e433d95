/** Whose turn it is: a queue that serves client addresses in turn, and the sessions behind each address in turn. */

import { Branch, type Ordered } from "./branch.ts";
import { Schedule } from "./schedule.ts";

/** What stands in the queue. */
export interface Queued extends Ordered {
  readonly place: Place;
}

/** An item's place in the queue: its address and its session. */
export interface Place {
  /** Of the client, as returned by `visitorOf`. */
  readonly address: string;
  /** Distinguishes visitors of one address. */
  readonly session: string;
  /**
   * The app has accepted this session before. Others can be made up in any number, so all of them together get at most
   * every other turn of their address.
   */
  readonly isProven: boolean;
}

export interface FairQueueOptions {
  /** In flight at a time. */
  readonly perAddress: number;
  readonly perSession: number;
  /** Waiting at a time. */
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
  /**
   * Until when nothing of this branch is served. Called with the keys of sessions and of `unprovenOf` when it is their
   * turn.
   */
  readonly blockedUntilMs: (key: string) => number;
}

/** The branch in which all unproven sessions of an address queue. */
export function unprovenOf(address: string): string {
  return `${address} unproven`;
}

/** One session's branch. */
export function sessionOf(place: Place): string {
  return pathOf(place)[2];
}

/** From `add` until `remove` or `release`, an item is waiting (ready or paused) or in flight. */
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

  /** The earliest time at which `take` may find something that it does not find now. */
  get nextMs(): number {
    return Math.min(this.#paused.nextMs, this.#blocked.nextMs);
  }

  /**
   * Adds an item. If there is no room, the newest item of whoever has the most waiting is removed and returned; it may be
   * the new item itself.
   */
  add(item: T): T | null {
    const victim = this.#findVictim(item);
    if (victim === item) return item;
    if (victim) this.remove(victim);
    this.#enter(item).addReady(item);
    return victim;
  }

  /** Moves an item in flight back to waiting; it is not served before `untilMs`. */
  pause(item: T, untilMs: number): void {
    this.#enter(item);
    this.#paused.add(item, untilMs);
    this.release(item);
  }

  /** Ends the pause of items that `isChosen`: they are served as soon as it is their turn. */
  resume(isChosen: (item: T) => boolean): void {
    for (const item of this.#paused.items()) if (isChosen(item)) this.#ready(item);
  }

  /** The next item in turn, in flight from now on. Null if none may be served now. */
  take(nowMs: number): T | null {
    for (const item of this.#paused.takeDue(nowMs)) this.#ready(item);
    for (const branch of this.#blocked.takeDue(nowMs)) branch.offer();
    const leaf = this.#nextLeaf(nowMs);
    return leaf && leaf.takeFirst();
  }

  /** An item in flight has ended. */
  release(item: T): void {
    const leaf = this.#leaves.get(item);
    leaf?.release();
    if (leaf && !leaf.hasWaiting(item)) this.#leaves.delete(item);
  }

  /** Removes a waiting item. */
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
   * Which item is removed if there is no room for a new one: the new one if its address or its session already has its
   * share of the queue, else the newest item of the longest branch.
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
