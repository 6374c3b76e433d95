/** What this node has (subscriptions, members, connections), and keeping Redis informed of it. */

import { channelField, isField, memberField, memberMark, parseField, type Field } from "./keys.ts";
import { pages } from "./pages.ts";
import { Reconciler, type Change } from "./reconciler.ts";
import type { RegistrationChange } from "./scripts/registrations.ts";

export interface RegistrationsOptions {
  /** Rejects if Redis is unreachable, or does not know this node any more. */
  readonly register: (term: number, changes: readonly RegistrationChange[]) => Promise<void>;
  /** A batch was not taken. */
  readonly onFault: () => void;
  readonly now: () => number;
  /** How long an end may still be unknown to Redis, and lost with it. */
  readonly endedMemoryMs: number;
}

/** A period in which Redis knows this node. */
export interface Opening {
  /** Its number. */
  readonly term: number;
  /** What Redis has of this node, by field. */
  readonly stored: ReadonlyMap<string, string>;
  /** Redis has lost everything: what is registered again is not announced, and what has ended still has to be. */
  readonly isEmptied: boolean;
  /** How long other nodes may take to show that what ended here goes on there. */
  readonly missedWithinMs: number;
}

const connections = "connections";

type Key = Field | typeof connections;
/** Subscriptions in a channel, or connections; a member as JSON. */
type Value = number | string;

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #reconciler: Reconciler<Key, Value>;
  /** What Redis already had, so that webhooks need not announce it. */
  readonly #known = new Set<Key>();
  /** When Redis took an end. */
  readonly #ended = new Map<Key, number>();
  #term = 0;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
    this.#reconciler = new Reconciler<Key, Value>({
      plan,
      send: (batch) => this.#send(batch),
      onFault: options.onFault,
      isSame: (desired, stored) => desired === stored || typeof desired === "string",
    });
    this.#reconciler.set(connections, 0);
  }

  setCount(channel: string, count: number): void {
    this.#reconciler.set(channelField(channel), count === 0 ? undefined : count);
  }

  addMember(channel: string, userKey: string, text: string): void {
    this.#reconciler.set(memberField(channel, userKey), text);
  }

  removeMember(channel: string, userKey: string): void {
    this.#reconciler.set(memberField(channel, userKey), undefined);
  }

  setConnections(count: number): void {
    this.#reconciler.set(connections, count);
  }

  /** Whether Redis has this member from this node, or is about to. */
  isStored(channel: string, userKey: string): boolean {
    return this.#reconciler.isStored(memberField(channel, userKey));
  }

  /** Resolves once Redis has taken all changes made before the call, or can't take them now. */
  flush(): Promise<void> {
    return this.#reconciler.flush();
  }

  /**
   * Resolves once Redis has everything that this node has, and keeps it so until the signal aborts. Rejects if Redis
   * fails.
   */
  async open(opening: Opening, signal: AbortSignal): Promise<void> {
    const { term, isEmptied, missedWithinMs } = opening;
    await this.#reconciler.idle();
    signal.throwIfAborted();
    this.#term = term;
    const stored = new Map([...opening.stored].flatMap(toStored));
    for (const key of this.#reconciler.stored.keys()) this.#known.add(key);
    // This node was removed, so for the others all of it has ended and has to be announced anew.
    for (const key of isEmptied ? [] : this.#known) if (!stored.has(key)) this.#known.delete(key);
    const isGone = (key: Key): boolean => !stored.has(key) && !this.#reconciler.desired.has(key);
    const lost = [...this.#known].filter(isGone);
    if (isEmptied) {
      this.#forgetEnded();
      const ended = new Set([...lost, ...this.#ended.keys()].filter(isGone));
      await this.#registerMissed([...ended], missedWithinMs);
      signal.throwIfAborted();
    }
    await this.#reconciler.resync(() => stored, signal);
    for (const key of lost) this.#known.delete(key);
  }

  async #registerMissed(keys: readonly Key[], withinMs: number): Promise<void> {
    const missed = keys.flatMap((key) => toMissed(key, withinMs));
    for (const page of pages(missed)) await this.#options.register(this.#term, page);
  }

  async #send(batch: readonly Change<Key, Value>[]): Promise<void> {
    await this.#options.register(
      this.#term,
      batch.flatMap((change) => this.#toChange(change)),
    );
    for (const { key, value } of batch) {
      this.#ended.delete(key);
      if (value === undefined) {
        this.#known.delete(key);
        this.#ended.set(key, this.#options.now());
      } else {
        this.#known.add(key);
      }
    }
    this.#forgetEnded();
  }

  #toChange({ key, value }: Change<Key, Value>): readonly RegistrationChange[] {
    if (key === connections) return [{ kind: "connections", count: Number(value ?? 0) }];
    const parsed = parseField(key);
    if (!parsed) return [];
    const { channel } = parsed;
    const isNews = !this.#known.has(key);
    if (parsed.kind === "channel") {
      return [{ kind: "channel", channel, count: Number(value ?? 0), isNews }];
    }
    const { userKey: user } = parsed;
    return value === undefined
      ? [{ kind: "member_removed", channel, user }]
      : [{ kind: "member_added", channel, user, member: String(value), isNews }];
  }

  #forgetEnded(): void {
    const since = this.#options.now() - this.#options.endedMemoryMs;
    for (const [key, endedMs] of this.#ended) {
      if (endedMs > since) break;
      this.#ended.delete(key);
    }
  }
}

/**
 * Ordered so that each change finds what it depends on: a channel is added before its members, and removed after them.
 */
function plan(changes: readonly Change<Key, Value>[]): readonly (readonly Change<Key, Value>[])[] {
  const ranks = Map.groupBy(changes, rank);
  return [
    ...pages([
      ...(ranks.get("before") ?? []),
      ...(ranks.get("member") ?? []),
      ...(ranks.get("after") ?? []),
    ]),
  ];
}

function rank({ key, value }: Change<Key, Value>): "before" | "member" | "after" {
  if (key.startsWith(memberMark)) return "member";
  return value === undefined ? "after" : "before";
}

function toStored([field, value]: readonly [string, string]): readonly (readonly [Key, Value])[] {
  if (!isField(field)) return [];
  return [[field, field.startsWith(memberMark) ? value : Number(value)]];
}

function toMissed(key: Key, withinMs: number): readonly RegistrationChange[] {
  const parsed = parseField(key);
  if (!parsed) return [];
  const { channel } = parsed;
  return parsed.kind === "channel"
    ? [{ kind: "missed", channel, field: key, withinMs }]
    : [{ kind: "missed", channel, user: parsed.userKey, field: key, withinMs }];
}
