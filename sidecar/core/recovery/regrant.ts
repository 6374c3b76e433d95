/**
 * Grants a page that is back, in the app's place, what the app had granted it before. Each request uses up the
 * channel's grant: it is answered once per return, and not at all once the app has been asked.
 */

import { channelKind } from "../channel-name.ts";
import type { Connection } from "../connection.ts";
import { encodeMember } from "../presence.ts";
import { signChannel } from "../signature.ts";
import type { Credentials } from "./credentials.ts";

/** What the app would have answered, or why it has to be asked: the labels of a metric as well. */
export type Regrant =
  | { readonly kind: "answered"; readonly auth: string; readonly channelData: string | null }
  /** The connection goes on with no session that counts, or its channel is none that was granted in it. */
  | { readonly kind: "not_granted" }
  /** Another Authorization, or a cookie is missing. */
  | { readonly kind: "other_credentials" };

const notGranted: Regrant = { kind: "not_granted" };

/** @param shown null: nothing; nowMs: by which the session may have ended */
export function regrant(
  { app, socketId, recovery: client, isOpen }: Connection,
  channel: string,
  shown: Credentials | null,
  nowMs: number,
): Regrant {
  const { grants = null, resumption = null } = client ?? {};
  if (!isOpen || client?.isSuspended || !grants || !resumption?.session?.grant) return notGranted;
  const seat = resumption.seats.get(channel);
  if (!seat) return notGranted;
  // Whatever comes of it: the next question is the app's.
  resumption.seats.set(channel, { ...seat, isGranted: false });
  const isGranted = seat.isGranted && grants.has(channel) && resumption.endsMs > nowMs;
  if (!isGranted || !isGrantable(channel)) return notGranted;
  if (!shown || !grants.isFor(shown)) {
    grants.delete(channel);
    return { kind: "other_credentials" };
  }
  const channelData = seat.member && encodeMember(seat.member);
  const auth = signChannel(app, { socketId, channel, channelData: channelData ?? undefined });
  return { kind: "answered", auth, channelData };
}

/** The key of an encrypted channel comes from the app, and a public one needs nobody's word. */
function isGrantable(channel: string): boolean {
  const { access, encrypted } = channelKind(channel);
  return access !== "public" && !encrypted;
}
