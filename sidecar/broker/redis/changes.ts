/** What a node has to tell Redis: the difference between what it holds and what Redis has of it. */

import { parseField, type HeldField } from "./keys.ts";

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

export interface HeldMember {
  readonly channel: string;
  readonly userKey: string;
  /** As JSON. */
  readonly text: string;
}

/** A change, and what Redis has for the field once it was told; 0: nothing. */
export interface StoredChange {
  readonly change: Change;
  readonly field?: string;
  readonly value?: number;
}

/** What this node holds, and what Redis has of it. */
export interface HoldingsView {
  readonly counts: ReadonlyMap<string, number>;
  readonly members: ReadonlyMap<HeldField, HeldMember>;
  readonly stored: ReadonlyMap<string, number>;
  /** What Redis has had, and need not be told as news. */
  readonly known: ReadonlySet<string>;
}

/** In an order in which each finds what it builds on: a channel is there before its members, and after them. */
export function findChanges(
  fields: ReadonlySet<HeldField>,
  { counts, members, stored, known }: HoldingsView,
): StoredChange[] {
  const entered: StoredChange[] = [];
  const memberChanges: StoredChange[] = [];
  const vacated: StoredChange[] = [];
  for (const field of fields) {
    const parsed = parseField(field);
    const before = stored.get(field) ?? 0;
    const isNews = !known.has(field);
    if (parsed?.kind === "channel") {
      const { channel } = parsed;
      const count = counts.get(channel) ?? 0;
      if (count === before) continue;
      const change = { kind: "count", channel, count, isNews } as const;
      (count > 0 ? entered : vacated).push({ field, value: count, change });
    } else if (parsed) {
      const { channel, userKey: user } = parsed;
      const member = members.get(field)?.text;
      if ((member !== undefined) === before > 0) continue;
      const change =
        member === undefined
          ? ({ kind: "release", channel, user } as const)
          : ({ kind: "hold", channel, user, member, isNews } as const);
      memberChanges.push({ field, value: member === undefined ? 0 : 1, change });
    }
  }
  return [...entered, ...memberChanges, ...vacated];
}

/** It ended while Redis was lost. */
export function toMissed(field: string, withinMs: number): Change[] {
  const parsed = parseField(field);
  if (!parsed) return [];
  const { channel } = parsed;
  return parsed.kind === "channel"
    ? [{ kind: "missed", channel, field, withinMs }]
    : [{ kind: "missed", channel, user: parsed.userKey, field, withinMs }];
}
