/** The HMACs of the Pusher protocol: channel and user signatures, signed API requests. */

import { createHmac, hash, timingSafeEqual } from "node:crypto";

/** What a signature is made and checked with. */
export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

/** What is wrong with an `auth`. */
export type SignatureFault =
  | "malformed" // no key before a colon
  | "wrong_key" // another app's key
  | "mismatch"; // the right key, but signed with another secret, or for another socket or channel

/** `sentKey`: of a `wrong_key`, which is public, so that the log can say it. */
export type SignatureCheck =
  | { readonly ok: true }
  | { readonly ok: false; readonly fault: SignatureFault; readonly sentKey?: string };

const hexSignature = /^[0-9a-f]{64}$/;

/** `hex(hmac_sha256(secret, text))`. */
export function sign(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}

/** What a client or a server SDK's answer says about a channel. */
export interface SignedChannel {
  readonly socketId: string;
  readonly channel: string;
  readonly channelData?: string | undefined;
}

/** `auth` of a subscription, as the app would sign it (Pusher: "Authenticating users"). */
export function signChannel({ key, secret }: Credentials, subject: SignedChannel): string {
  return `${key}:${sign(secret, channelText(subject))}`;
}

/**
 * Checks `auth` (`key:signature`) of a subscription over `socket_id:channel[:channel_data]`
 * (Pusher: "Authenticating users", generating the authentication string).
 */
export function checkChannelSignature(
  credentials: Credentials,
  subject: SignedChannel,
  auth: string,
): SignatureCheck {
  return checkAuth(credentials, channelText(subject), auth);
}

function channelText({ socketId, channel, channelData }: SignedChannel): string {
  return channelData ? `${socketId}:${channel}:${channelData}` : `${socketId}:${channel}`;
}

/** Checks `auth` of a `pusher:signin` over `socket_id::user::user_data` (Pusher: "User authentication"). */
export function checkUserSignature(
  credentials: Credentials,
  subject: { socketId: string; userData: string },
  auth: string,
): SignatureCheck {
  return checkAuth(credentials, `${subject.socketId}::user::${subject.userData}`, auth);
}

/** True if `signature` is the lower-case hex HMAC of `text`; compared in constant time. */
export function isSignatureOf(secret: string, text: string, signature: string): boolean {
  return hexSignature.test(signature) && equalHex(sign(secret, text), signature);
}

/** `md5hex(body)`, as the API's `body_md5`. */
export function md5(body: Uint8Array): string {
  return hash("md5", body, "hex");
}

function checkAuth(credentials: Credentials, text: string, auth: string): SignatureCheck {
  const colon = auth.indexOf(":");
  if (colon < 1) return { ok: false, fault: "malformed" };
  const key = auth.slice(0, colon);
  if (key !== credentials.key) return { ok: false, fault: "wrong_key", sentKey: key };
  return isSignatureOf(credentials.secret, text, auth.slice(colon + 1))
    ? { ok: true }
    : { ok: false, fault: "mismatch" };
}

function equalHex(expected: string, actual: string): boolean {
  return timingSafeEqual(Buffer.from(expected, "latin1"), Buffer.from(actual, "latin1"));
}
