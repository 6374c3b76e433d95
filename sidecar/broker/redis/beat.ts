/** What Redis answers to a node's sign of life, read. */

/** Ends that the script takes at a time. */
const maxDue = 500;

export interface Beat {
  readonly isKnown: boolean;
  readonly epoch: string;
  readonly redisMs: number;
  /** Id of the log's last entry. */
  readonly lastEntry: string;
  /** Fields whose ends are due. */
  readonly due: readonly string[];
  /** There are more of them than one answer takes. */
  readonly hasMoreDue: boolean;
  readonly nodes: ReadonlyMap<string, string>;
}

export function parseBeat(reply: unknown): Beat {
  const [isKnown, epoch, redisMs, lastEntry, due, nodes]: unknown[] = Array.isArray(reply)
    ? reply
    : [];
  const ends = (Array.isArray(due) ? due : []).map(String);
  return {
    isKnown: isKnown === 1,
    epoch: String(epoch),
    redisMs: Number(redisMs),
    lastEntry: String(lastEntry),
    due: ends,
    hasMoreDue: ends.length >= maxDue,
    nodes: toMap(nodes),
  };
}

/** What a node holds, as Redis has it. */
export function parseHeld(reply: unknown): ReadonlyMap<string, number> {
  return new Map([...toMap(reply)].map(([field, value]) => [field, Number(value)]));
}

/** Names and values in turn. */
function toMap(reply: unknown): ReadonlyMap<string, string> {
  const texts = (Array.isArray(reply) ? reply : []).map(String);
  return new Map(
    Array.from({ length: texts.length / 2 }, (_, i) => [
      texts[2 * i] ?? "",
      texts[2 * i + 1] ?? "",
    ]),
  );
}
