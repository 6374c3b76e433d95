/**
 * What this node holds and what Redis knows of it, brought together a batch at a time: while one is under way, the
 * next one gathers. So a crowd that comes at once costs few round trips, and what was undone meanwhile costs none.
 */

import type { HeldField } from "./keys.ts";
import { channelField, memberField, parseField } from "./keys.ts";

/** One change, as the script `report` takes it. */
export type Change =
  | { readonly kind: "connections"; readonly count: number }
  | {
      readonly kind: "count";
      readonly channel: string;
      readonly count: number;
      readonly isNews: boolean;
    }
  | {
      readonly kind: "hold";
      readonly channel: string;
      readonly user: string;
      readonly member: string;
      readonly isNews: boolean;
    }
  | { readonly kind: "release"; readonly channel: string; readonly user: string }
  | {
      readonly kind: "missed";
      readonly channel: string;
      readonly user?: string;
      readonly field: string;
      readonly withinMs: number;
    };

export interface HoldingsOptions {
  /** Rejects if Redis can't be had, or does not know this node any more. */
  readonly report: (changes: readonly Change[]) => Promise<void>;
  /** A batch was not taken. */
  readonly onFault: () => void;
  readonly now: () => number;
  /** How long an end may still be untold in Redis, and lost with it. */
  readonly endedMemoryMs: number;
}

interface HeldMember {
  readonly channel: string;
  readonly userKey: string;
  /** As JSON. */
  readonly text: string;
}

/** Changes in one script: it blocks Redis for some milliseconds. */
const maxChanges = 500;

export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #counts = new Map<string, number>();
  readonly #members = new Map<HeldField, HeldMember>();
  #connections = 0;
  /** What Redis has of this node: the count of a channel, 1 for a member. */
  #stored = new Map<string, number>();
  /** What was stored before an outage, and need not be told as news. */
  readonly #known = new Set<string>();
  readonly #ended = new Map<string, number>();
  readonly #dirty = new Set<HeldField>();
  #isConnectionCountDirty = false;
  #isOpen = false;
  #batch: Promise<void> | null = null;
  #nextBatch: Promise<void> | null = null;

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  setCount(channel: string, count: number): void {
    if (count === 0) this.#counts.delete(channel);
    else this.#counts.set(channel, count);
    this.#mark(channelField(channel));
  }

  hold(channel: string, userKey: string, text: string): void {
    const field = memberField(channel, userKey);
    this.#members.set(field, { channel, userKey, text });
    this.#mark(field);
  }

  release(channel: string, userKey: string): void {
    const field = memberField(channel, userKey);
    this.#members.delete(field);
    this.#mark(field);
  }

  setConnections(count: number): void {
    this.#connections = count;
    this.#isConnectionCountDirty = true;
    if (this.#isOpen) void this.flush();
  }

  /** Redis has this member from this node. */
  isStored(channel: string, userKey: string): boolean {
    return this.#stored.has(memberField(channel, userKey));
  }

  /** Resolves once Redis has taken all that was changed before the call, or can't now. */
  flush(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    if (!this.#batch) {
      this.#batch = this.#send().finally(() => {
        this.#batch = null;
      });
      return this.#batch;
    }
    const current = this.#batch;
    this.#nextBatch ??= (async () => {
      await current;
      this.#nextBatch = null;
      await this.flush();
    })();
    return this.#nextBatch;
  }

  /** Nothing is sent until `open`. */
  close(): void {
    this.#isOpen = false;
  }

  /**
   * Tells Redis all that it has otherwise. `stored`: what it has of this node, field and value in turn.
   * `missedWithinMs`: how long somebody else may take to say that what ended meanwhile has not.
   * `isTakenOver`: all that it had was given up by another node, which told its ends.
   */
  async open(
    stored: ReadonlyMap<string, number>,
    { missedWithinMs, isTakenOver }: { missedWithinMs: number; isTakenOver: boolean },
  ): Promise<void> {
    await this.#batch?.catch(() => {});
    if (isTakenOver) this.#forget();
    for (const field of this.#stored.keys()) this.#known.add(field);
    const lost = [...this.#known].filter((field) => !stored.has(field) && !this.#isHeld(field));
    this.#stored = new Map(stored);
    this.#forgetEnded();
    const ended = new Set([...lost, ...this.#ended.keys()]);
    const missed = [...ended]
      .filter((field) => !stored.has(field) && !this.#isHeld(field))
      .flatMap((field) => toMissed(field, missedWithinMs));
    const fields = new Set<HeldField>();
    for (const channel of this.#counts.keys()) fields.add(channelField(channel));
    for (const field of this.#members.keys()) fields.add(field);
    for (const field of stored.keys()) if (isField(field)) fields.add(field);
    this.#dirty.clear();
    await this.#report([
      { change: { kind: "connections", count: this.#connections } },
      ...missed.map((change) => ({ change })),
      ...this.#changesOf(fields),
    ]);
    for (const field of lost) this.#known.delete(field);
    this.#isConnectionCountDirty = false;
    this.#isOpen = true;
    await this.flush();
  }

  /** What is held is news, and what ended is told already. */
  #forget(): void {
    this.#stored = new Map();
    this.#known.clear();
    this.#ended.clear();
  }

  #isHeld(field: string): boolean {
    const parsed = parseField(field);
    if (!parsed) return false;
    return parsed.kind === "channel"
      ? this.#counts.has(parsed.channel)
      : this.#members.has(memberField(parsed.channel, parsed.userKey));
  }

  #mark(field: HeldField): void {
    this.#dirty.add(field);
    if (this.#isOpen) void this.flush();
  }

  async #send(): Promise<void> {
    // What changes within this turn of the event loop goes in one batch.
    await Promise.resolve();
    const fields = new Set(this.#dirty);
    this.#dirty.clear();
    const changes: StoredChange[] = this.#changesOf(fields);
    if (this.#isConnectionCountDirty) {
      changes.push({ change: { kind: "connections", count: this.#connections } });
    }
    this.#isConnectionCountDirty = false;
    if (changes.length === 0) return;
    try {
      await this.#report(changes);
    } catch {
      // What Redis has of it is not known; `open` asks.
      this.#isOpen = false;
      this.#options.onFault();
    }
  }

  async #report(changes: readonly StoredChange[]): Promise<void> {
    for (let i = 0; i < changes.length; i += maxChanges) {
      const some = changes.slice(i, i + maxChanges);
      await this.#options.report(some.map(({ change }) => change));
      for (const { field, value } of some) {
        if (field === undefined || value === undefined) continue;
        if (value > 0) {
          this.#stored.set(field, value);
          this.#known.add(field);
          this.#ended.delete(field);
        } else {
          this.#stored.delete(field);
          this.#known.delete(field);
          this.#ended.delete(field);
          this.#ended.set(field, this.#options.now());
        }
      }
    }
    this.#forgetEnded();
  }

  /** In an order in which each finds what it builds on: a channel is there before its members, and after them. */
  #changesOf(fields: ReadonlySet<HeldField>): StoredChange[] {
    const counts: StoredChange[] = [];
    const members: StoredChange[] = [];
    const vacated: StoredChange[] = [];
    for (const field of fields) {
      const parsed = parseField(field);
      const before = this.#stored.get(field) ?? 0;
      const isNews = !this.#known.has(field);
      if (parsed?.kind === "channel") {
        const { channel } = parsed;
        const count = this.#counts.get(channel) ?? 0;
        if (count === before) continue;
        const change = { kind: "count", channel, count, isNews } as const;
        (count > 0 ? counts : vacated).push({ field, value: count, change });
      } else if (parsed) {
        const { channel, userKey: user } = parsed;
        const member = this.#members.get(field)?.text;
        if ((member !== undefined) === before > 0) continue;
        const change =
          member === undefined
            ? ({ kind: "release", channel, user } as const)
            : ({ kind: "hold", channel, user, member, isNews } as const);
        members.push({ field, value: member === undefined ? 0 : 1, change });
      }
    }
    return [...counts, ...members, ...vacated];
  }

  #forgetEnded(): void {
    const since = this.#options.now() - this.#options.endedMemoryMs;
    for (const [field, endedMs] of this.#ended) {
      if (endedMs > since) break;
      this.#ended.delete(field);
    }
  }
}

interface StoredChange {
  readonly change: Change;
  readonly field?: string;
  readonly value?: number;
}

function toMissed(field: string, withinMs: number): Change[] {
  const parsed = parseField(field);
  if (!parsed) return [];
  const { channel } = parsed;
  return parsed.kind === "channel"
    ? [{ kind: "missed", channel, field, withinMs }]
    : [{ kind: "missed", channel, user: parsed.userKey, field, withinMs }];
}

function isField(field: string): field is HeldField {
  return parseField(field) !== null;
}
