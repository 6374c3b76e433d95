/** What Redis answers to a node's heartbeat, read. */

/** Ends that the script takes at a time. */
const maxDue = 500;

export interface HeartbeatReply {
  readonly isKnown: boolean;
  readonly epoch: string;
  readonly redisMs: number;
  /** Id of the log's last entry. */
  readonly lastEntry: string;
  /** Fields whose ends are due. */
  readonly due: readonly string[];
  /** There are more of them than one answer takes. */
  readonly hasMoreDue: boolean;
  /** Every node's last heartbeat. */
  readonly nodes: ReadonlyMap<string, Heartbeat>;
}

/** A node's last heartbeat, as Redis has it. */
export interface Heartbeat {
  readonly text: string;
  /** One more with each. */
  readonly count: number;
  /** All that the node has was registered when it sent this. */
  readonly hasSynced: boolean;
  /** Its registrations are being given up for it; who began that may have died over it. */
  readonly isClaimed: boolean;
}

export function parseHeartbeat(text: string): Heartbeat {
  const [, count = "0", mark] = /^(\d+)(\+?)$/.exec(text) ?? [];
  return { text, count: Number(count), hasSynced: mark === "+", isClaimed: text === "claimed" };
}

export function parseHeartbeatReply(reply: unknown): HeartbeatReply {
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
    nodes: new Map([...toMap(nodes)].map(([node, text]) => [node, parseHeartbeat(text)])),
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
