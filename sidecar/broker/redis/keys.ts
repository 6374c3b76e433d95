/**
 * Names in Redis, on which this code and the scripts agree. All of an app's share one hash tag, and with it one slot of
 * a cluster: what belongs together is atomic.
 */

/** Of the data; a version that can't live beside this one gets another number. */
const schema = 1;

/** What every name of an app begins with. In the tag nothing may end it early (Redis Cluster: "Hash tags"). */
export function baseOf(prefix: string, appId: string): string {
  return `${prefix}:${schema}:{${encodeURIComponent(appId)}}:`;
}

/** Between the base and the Pusher channel that a Redis channel carries. */
export const topicMark = "t:";

/** The Redis channel that carries a Pusher channel. */
export function topicOf(base: string, channel: string): string {
  return base + topicMark + channel;
}

/** Takes a topic apart; null if it is not one of an app. */
export function parseTopic(topic: string): { base: string; channel: string } | null {
  const end = topic.indexOf(`}:${topicMark}`);
  if (end === -1) return null;
  const base = topic.slice(0, end + 2);
  return { base, channel: topic.slice(base.length + topicMark.length) };
}

/** What the nodes' own channels begin with; no Pusher channel does. */
export const ownMark = "!";

/** Carries what concerns every node of an app. */
export const controlChannel = "!control";

/** In front of a node's id: brings the node the echoes of its own heartbeats. */
export const echoMark = "!echo:";

export function echoChannelOf(nodeId: string): string {
  return echoMark + nodeId;
}

/** In place of a node's heartbeats while its registrations are given up for it. */
export const claimed = "claimed";

/** In front of the name of a channel that has members; of no other. */
export const presenceMark = "presence-";

/** What a node has registered, as the field that stands for it in Redis. */
export type Field = `${typeof channelMark}${string}` | `${typeof memberMark}${string}`;

export const channelMark = "c:";
export const memberMark = "m:";

/** The node has subscriptions in the channel. */
export function channelField(channel: string): Field {
  return `${channelMark}${channel}`;
}

/**
 * The node has connections of a user in the channel. The length, in bytes, says where the one ends and the other
 * begins.
 */
export function memberField(channel: string, userKey: string): Field {
  return `${memberMark}${Buffer.byteLength(channel)}:${channel}${userKey}`;
}

export function parseField(
  field: string,
):
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "member"; readonly channel: string; readonly userKey: string }
  | null {
  if (field.startsWith(channelMark)) {
    return { kind: "channel", channel: field.slice(channelMark.length) };
  }
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

export function isField(field: string): field is Field {
  return parseField(field) !== null;
}
