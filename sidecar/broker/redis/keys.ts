/** Names in Redis. All of an app's share one hash tag, and with it one slot of a cluster: what belongs together is atomic. */

/** Of the data; a version that can't live beside this one gets another number. */
const schema = 1;

/** What every name of an app begins with. In the tag nothing may end it early (Redis Cluster: "Hash tags"). */
export function baseOf(prefix: string, appId: string): string {
  return `${prefix}:${schema}:{${encodeURIComponent(appId)}}:`;
}

const topicMark = "t:";

/** The Redis channel that carries a Pusher channel. */
export function topicOf(base: string, channel: string): string {
  return base + topicMark + channel;
}

/** Takes a topic apart; null if it is none of ours. */
export function parseTopic(topic: string): { base: string; channel: string } | null {
  const end = topic.indexOf(`}:${topicMark}`);
  if (end === -1) return null;
  const base = topic.slice(0, end + 2);
  return { base, channel: topic.slice(base.length + topicMark.length) };
}

/** What our own channels begin with; no Pusher channel does. */
export const ownMark = "!";

/** Carries what concerns every node of an app. */
export const controlChannel = "!control";

/** Brings a node the echoes of its own beats. */
export function echoChannelOf(nodeId: string): string {
  return `!echo:${nodeId}`;
}

/** What a node holds, as the field that stands for it in Redis. */
export type HeldField = `c:${string}` | `m:${string}`;

/** The node has subscriptions in the channel. */
export function channelField(channel: string): HeldField {
  return `c:${channel}`;
}

/** The node has connections of a user in the channel. The length, in bytes, says where the one ends and the other begins. */
export function memberField(channel: string, userKey: string): HeldField {
  return `m:${Buffer.byteLength(channel)}:${channel}${userKey}`;
}

export function parseField(
  field: string,
):
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "member"; readonly channel: string; readonly userKey: string }
  | null {
  if (field.startsWith("c:")) return { kind: "channel", channel: field.slice(2) };
  const [head, length] = /^m:(\d+):/.exec(field) ?? [];
  if (head === undefined) return null;
  const rest = Buffer.from(field.slice(head.length));
  const end = Number(length);
  return {
    kind: "member",
    channel: rest.subarray(0, end).toString(),
    userKey: rest.subarray(end).toString(),
  };
}

export function isField(field: string): field is HeldField {
  return parseField(field) !== null;
}
