/**
 * What this node holds and what Redis knows of it, brought together a batch at a time: while one is under way, the
 * next one gathers. So a crowd that comes at once costs few round trips, and what was undone meanwhile costs none.
 */

import {
  findChanges,
  toMissed,
  type Change,
  type HeldMember,
  type StoredChange,
} from "./changes.ts";
import { channelField, isField, memberField, parseField, type HeldField } from "./keys.ts";
import { Rounds } from "./rounds.ts";

export interface HoldingsOptions {
  /** Rejects if Redis can't be had, or does not know this node any more. */
  readonly report: (session: number, changes: readonly Change[]) => Promise<void>;
  /** A batch was not taken. */
  readonly onFault: () => void;
  readonly now: () => number;
  /** How long an end may still be untold in Redis, and lost with it. */
  readonly endedMemoryMs: number;
}

/** A connection to Redis on which this node is known. */
export interface Opening {
  /** Its number. */
  readonly session: number;
  /** What Redis has of this node: the count of a channel, 1 for a member. */
  readonly stored: ReadonlyMap<string, number>;
  /** Redis has lost what it had of everybody: what is there again is no news, and what has ended was told to nobody. */
  readonly isEmptied: boolean;
  /** How long others may take to say that what ended here has not ended. */
  readonly missedWithinMs: number;
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
  #telling: ReadonlySet<string> = new Set();
  readonly #dirty = new Set<HeldField>();
  #isConnectionCountDirty = false;
  #isOpen = false;
  #isOpening = false;
  #session = 0;
  #closes = 0;
  readonly #batches = new Rounds(() => this.#send());

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

  /** Redis has this member from this node, or is being told so. */
  isStored(channel: string, userKey: string): boolean {
    const field = memberField(channel, userKey);
    return this.#stored.has(field) || this.#telling.has(field);
  }

  /** Resolves once Redis has taken all that was changed before the call, or can't now. */
  flush(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    return this.#batches.run();
  }

  /** Nothing is sent until `open`. */
  close(): void {
    this.#isOpen = this.#isOpening = false;
    this.#closes += 1;
  }

  /** Tells Redis all that it has otherwise; rejects if it can't be told. */
  async open({ session, stored, isEmptied, missedWithinMs }: Opening): Promise<void> {
    const closes = this.#closes;
    await this.#batches.current;
    this.#session = session;
    for (const field of this.#stored.keys()) this.#known.add(field);
    // This node was given up, and what it held has ended for everybody else: there it is news.
    for (const field of isEmptied ? [] : this.#known) {
      if (!stored.has(field)) this.#known.delete(field);
    }
    const lost = [...this.#known].filter((field) => !stored.has(field) && !this.#isHeld(field));
    this.#stored = new Map(stored);
    this.#forgetEnded();
    const ended = new Set([...lost, ...this.#ended.keys()]);
    const missed = [...(isEmptied ? ended : [])]
      .filter((field) => !stored.has(field) && !this.#isHeld(field))
      .flatMap((field) => toMissed(field, missedWithinMs));
    const fields = new Set<HeldField>();
    for (const channel of this.#counts.keys()) fields.add(channelField(channel));
    for (const field of this.#members.keys()) fields.add(field);
    for (const field of stored.keys()) if (isField(field)) fields.add(field);
    // What changes from here on is told right after.
    this.#isOpening = true;
    this.#dirty.clear();
    this.#isConnectionCountDirty = false;
    await this.#report([
      { change: { kind: "connections", count: this.#connections } },
      ...missed.map((change) => ({ change })),
      ...findChanges(fields, this.#view()),
    ]);
    for (const field of lost) this.#known.delete(field);
    if (closes !== this.#closes) throw new Error("closed meanwhile");
    this.#isOpen = true;
    await this.flush();
  }

  #isHeld(field: string): boolean {
    const parsed = parseField(field);
    if (!parsed) return false;
    return parsed.kind === "channel"
      ? this.#counts.has(parsed.channel)
      : this.#members.has(memberField(parsed.channel, parsed.userKey));
  }

  #mark(field: HeldField): void {
    // While nothing can be told there is nothing to remember: `open` looks at all that is held.
    if (this.#isOpen || this.#isOpening) this.#dirty.add(field);
    if (this.#isOpen) void this.flush();
  }

  async #send(): Promise<void> {
    if (!this.#isOpen) return;
    const fields = new Set(this.#dirty);
    this.#dirty.clear();
    const changes: StoredChange[] = findChanges(fields, this.#view());
    if (this.#isConnectionCountDirty) {
      changes.push({ change: { kind: "connections", count: this.#connections } });
    }
    this.#isConnectionCountDirty = false;
    if (changes.length === 0) return;
    this.#telling = new Set(
      changes.flatMap(({ field, value = 0 }) => (field && value > 0 ? field : [])),
    );
    try {
      await this.#report(changes);
    } catch {
      // What Redis has of it is not known; `open` asks.
      this.#isOpen = false;
      this.#options.onFault();
    }
    this.#telling = new Set();
  }

  async #report(changes: readonly StoredChange[]): Promise<void> {
    for (let i = 0; i < changes.length; i += maxChanges) {
      const some = changes.slice(i, i + maxChanges);
      await this.#options.report(
        this.#session,
        some.map(({ change }) => change),
      );
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

  #view() {
    const [counts, members, stored, known] = [
      this.#counts,
      this.#members,
      this.#stored,
      this.#known,
    ];
    return { counts, members, stored, known };
  }

  #forgetEnded(): void {
    const since = this.#options.now() - this.#options.endedMemoryMs;
    for (const [field, endedMs] of this.#ended) {
      if (endedMs > since) break;
      this.#ended.delete(field);
    }
  }
}
