/** The members of a channel as its subscribers on this node know them: nobody twice, and nobody lost in an outage. */

import { memberKey, type Member } from "./presence.ts";

export interface RosterListener {
  added(member: Member): void;
  removed(member: Member): void;
}

/** A change that the store numbered: one more than the change before it in this channel. */
export type RosterChange =
  | { readonly kind: "added"; readonly version: number; readonly member: Member }
  | { readonly kind: "removed"; readonly version: number; readonly userKey: string };

export interface RosterSnapshot {
  readonly version: number;
  /** In the order in which they came. */
  readonly members: readonly Member[];
}

interface LocalMember {
  readonly member: Member;
  connections: number;
}

/** Changes that wait for a snapshot; with more the snapshot is taken anew. */
const maxWaitingChanges = 1_000;

/**
 * A user is listed while the store says so or while it has a connection here. Without a store (one node) only the
 * latter counts. While the store can't be believed (`distrust`) nobody is taken off; `trust` makes that good.
 */
export class Roster {
  readonly #listener: RosterListener;
  /** By user: what the store says, over all nodes. */
  #stored = new Map<string, Member>();
  readonly #local = new Map<string, LocalMember>();
  readonly #announced = new Map<string, Member>();
  /** Of the last change applied; null while a snapshot is awaited. */
  #version: number | null = null;
  #waiting: RosterChange[] = [];
  #isTrusted: boolean;

  constructor(listener: RosterListener, options: { isTrusted: boolean } = { isTrusted: true }) {
    this.#listener = listener;
    this.#isTrusted = options.isTrusted;
  }

  /** A snapshot is there, and no change was missed since. */
  get isLoaded(): boolean {
    return this.#version !== null;
  }

  get userCount(): number {
    return this.#announced.size;
  }

  has(member: Member): boolean {
    return this.#announced.has(memberKey(member));
  }

  members(): Iterable<Member> {
    return this.#announced.values();
  }

  /** One more connection of this user here. True if it is the first one; the first `userInfo` stays. */
  join(member: Member): boolean {
    const key = memberKey(member);
    const local = this.#local.get(key);
    if (local) {
      local.connections += 1;
      return false;
    }
    this.#local.set(key, { member, connections: 1 });
    this.#refresh(key);
    return true;
  }

  /**
   * One connection less. True if it was the user's last one here. `isStored`: the store has it from this node, so
   * that the change that takes it off is still to come.
   */
  leave(member: Member, isStored = false): boolean {
    const key = memberKey(member);
    const local = this.#local.get(key);
    if (!local) return false;
    local.connections -= 1;
    if (local.connections > 0) return false;
    this.#local.delete(key);
    if (isStored) this.#stored.set(key, local.member);
    this.#refresh(key);
    return true;
  }

  /** False if a change was missed: a snapshot is needed, and awaited from now on. */
  apply(change: RosterChange): boolean {
    if (this.#version === null) {
      if (this.#waiting.length < maxWaitingChanges) {
        this.#waiting.push(change);
        return true;
      }
      this.awaitSnapshot();
      return false;
    }
    if (change.version <= this.#version) return true;
    if (change.version > this.#version + 1) {
      this.awaitSnapshot();
      return false;
    }
    this.#version = change.version;
    const key = change.kind === "added" ? memberKey(change.member) : change.userKey;
    if (change.kind === "added") this.#stored.set(key, change.member);
    else this.#stored.delete(key);
    this.#refresh(key);
    return true;
  }

  /** Changes are kept, and applied after the snapshot where they are newer. */
  awaitSnapshot(): void {
    this.#version = null;
    this.#waiting = [];
  }

  /** False if a change was missed meanwhile, as in `apply`. */
  load({ version, members }: RosterSnapshot): boolean {
    // Older than what is known, for two were asked for.
    if (this.#version !== null && version < this.#version) return true;
    const before = this.#stored;
    this.#stored = new Map(members.map((member) => [memberKey(member), member]));
    this.#version = version;
    for (const key of this.#stored.keys()) this.#refresh(key);
    for (const key of before.keys()) this.#refresh(key);
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.every((change) => this.apply(change));
  }

  /** From now on the store may say too little. */
  distrust(): void {
    this.#isTrusted = false;
  }

  /** The store is whole again: who is gone by now is taken off. */
  trust(): void {
    this.#isTrusted = true;
    for (const key of this.#announced.keys()) this.#refresh(key);
  }

  #refresh(key: string): void {
    const announced = this.#announced.get(key);
    const member = this.#stored.get(key) ?? this.#local.get(key)?.member;
    if (member && !announced) {
      this.#announced.set(key, member);
      this.#listener.added(member);
    } else if (announced && !member && this.#isTrusted) {
      this.#announced.delete(key);
      this.#listener.removed(announced);
    }
  }
}
