/**
 * The answer of an app that signs nothing, as with Laravel's `redis` driver: the sidecar signs it in the app's place.
 */

import type { App } from "../core/app.ts";
import { channelKind } from "../core/channel-name.ts";
import { isObject } from "../core/json.ts";
import type { ChannelProof } from "../core/ports.ts";
import { signChannel } from "../core/signature.ts";

export type UnsignedAnswer =
  | ChannelProof
  | { readonly ok: false; readonly reason: "missing_channel_data" };

/**
 * `true`, or for a member `{"channel_data": {"user_id": …, "user_info": …}}`, and nothing like it; null for any other
 * answer. An end-to-end encrypted channel needs a key, which such an app has none of.
 */
export function readUnsignedAnswer(
  value: unknown,
  subject: { readonly app: App; readonly socketId: string; readonly channel: string },
): UnsignedAnswer | null {
  const { app, socketId, channel } = subject;
  const { access, encrypted } = channelKind(channel);
  const member = isObject(value) && !("auth" in value) ? value["channel_data"] : undefined;
  if (encrypted || !(value === true || isObject(member))) return null;
  if (access !== "presence") return { ok: true, auth: signChannel(app, { socketId, channel }) };
  if (!isObject(member)) return { ok: false, reason: "missing_channel_data" };
  const channelData = JSON.stringify(member);
  return { ok: true, auth: signChannel(app, { socketId, channel, channelData }), channelData };
}
