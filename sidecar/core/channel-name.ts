/** What a channel's name says: whether it is well formed, and of what kind the channel is. */

import { isUserName } from "./user-id.ts";

export const maxChannelNameLength = 256;

/** What a name may be, for whoever has to choose another one. */
export const channelNameRule = `1 to ${maxChannelNameLength} characters of a-z A-Z 0-9 _ - = @ , . ; and no others`;

/** Pusher's alphabet (`pusher-http-php` refuses all others), without the leading `#` of reserved channels. */
const channelNamePattern = /^[-a-zA-Z0-9_=@,.;]+$/;

export interface ChannelKind {
  /** Who may subscribe: anybody, whoever is authorized, or authorized users who are listed as members. */
  readonly access: "public" | "private" | "presence";
  /** Keeps its last event for those who come later. */
  readonly cache: boolean;
  /** The payload is encrypted end to end; relayed as it is. */
  readonly encrypted: boolean;
}

/** Anchored prefixes, longest first; a name that starts with none of them is public. */
const kindsByPrefix: readonly (readonly [prefix: string, kind: ChannelKind])[] = [
  ["private-encrypted-cache-", { access: "private", cache: true, encrypted: true }],
  ["private-encrypted-", { access: "private", cache: false, encrypted: true }],
  ["private-cache-", { access: "private", cache: true, encrypted: false }],
  ["presence-cache-", { access: "presence", cache: true, encrypted: false }],
  ["private-", { access: "private", cache: false, encrypted: false }],
  ["presence-", { access: "presence", cache: false, encrypted: false }],
  ["cache-", { access: "public", cache: true, encrypted: false }],
];

const publicKind: ChannelKind = { access: "public", cache: false, encrypted: false };

/** True for 1–256 characters of `[-a-zA-Z0-9_=@,.;]`; `#server-to-user-…` is reserved. */
export function isChannelName(name: string): boolean {
  return name.length <= maxChannelNameLength && channelNamePattern.test(name);
}

/** True for a name of allowed length; to the API this case is `channel_too_long`. */
export function isChannelNameTooLong(name: string): boolean {
  return name.length > maxChannelNameLength;
}

const userChannelPrefix = "#server-to-user-";

/** The user whose own channel this is (Pusher: "Sending events to authenticated users"), or null. */
export function userOfChannel(name: string): string | null {
  return name.startsWith(userChannelPrefix) ? name.slice(userChannelPrefix.length) : null;
}

/** What `Broadcast::channel()` in Laravel's routes/channels.php calls it. */
export function laravelNameOf(name: string): string {
  return name.replace(/^(private-encrypted-|private-|presence-)/, "");
}

/** True for what the app can publish to: channels, and the own channel of whoever could sign in. */
export function isPublishable(name: string): boolean {
  const userId = userOfChannel(name);
  return userId === null ? isChannelName(name) : isUserName(userId);
}

/** The channel of a user's own events. */
export function channelOfUser(userId: string): string {
  return userChannelPrefix + userId;
}

export function channelKind(name: string): ChannelKind {
  for (const [prefix, kind] of kindsByPrefix) {
    if (name.startsWith(prefix)) return kind;
  }
  return publicKind;
}

/** Of these channels it is known who is in them: presence channels, and users' own. */
export function hasMembers(name: string): boolean {
  return userOfChannel(name) !== null || channelKind(name).access === "presence";
}
