/** The app's answer to a subrequest: parses it, and verifies its signature. */

import type { App } from "../core/app.ts";
import { channelKind } from "../core/channel-name.ts";
import { isObject, parseExactJson, parseJson } from "../core/json.ts";
import type { ChannelProof, UserProof } from "../core/ports.ts";
import { checkChannelSignature, checkUserSignature } from "../core/signature.ts";
import { readUnsignedAnswer } from "./unsigned-answer.ts";

export type AuthAnswer = ChannelProof | { readonly ok: false; readonly reason: AuthAnswerFault };

export type AuthAnswerFault =
  | "invalid_response_json"
  | "missing_signature"
  | "missing_channel_data"
  | "invalid_signature";

/**
 * Reads the body of a 200, whatever its Content-Type says: Laravel's may be text/html. Its `auth` is checked as a
 * client's would be, over the bytes of `channel_data` as they stand there. (Pusher: "Authorizing users", the format of
 * the authorization endpoint's response.)
 */
export function readAuthAnswer(
  body: Buffer,
  subject: { readonly app: App; readonly socketId: string; readonly channel: string },
): AuthAnswer {
  const { app, socketId, channel } = subject;
  const json = parseExactJson(textOf(body));
  const unsigned =
    json.ok && app.acceptsUnsignedAnswers ? readUnsignedAnswer(json.value, subject) : null;
  if (unsigned) return unsigned;
  if (!json.ok || !isObject(json.value)) return { ok: false, reason: "invalid_response_json" };

  const auth = textIn(json.value, "auth");
  if (auth === undefined) return { ok: false, reason: "missing_signature" };

  const kind = channelKind(channel);
  const channelData = textIn(json.value, "channel_data");
  if (kind.access === "presence" && channelData === undefined) {
    return { ok: false, reason: "missing_channel_data" };
  }
  if (!checkChannelSignature(app, { socketId, channel, channelData }, auth).ok) {
    return { ok: false, reason: "invalid_signature" };
  }

  const sharedSecret = kind.encrypted ? textIn(json.value, "shared_secret") : undefined;
  return {
    ok: true,
    auth,
    ...(channelData !== undefined && { channelData }),
    ...(sharedSecret !== undefined && { sharedSecret }),
  };
}

export type UserAuthAnswer =
  | UserProof
  | {
      readonly ok: false;
      readonly reason: Exclude<AuthAnswerFault, "missing_channel_data"> | "missing_user_data";
    };

/** The same for a signin, over the bytes of `user_data` (Pusher: "Authenticating users"). */
export function readUserAuthAnswer(
  body: Buffer,
  { app, socketId }: { readonly app: App; readonly socketId: string },
): UserAuthAnswer {
  const json = parseJson(textOf(body));
  if (!json.ok || !isObject(json.value)) return { ok: false, reason: "invalid_response_json" };
  const auth = textIn(json.value, "auth");
  if (auth === undefined) return { ok: false, reason: "missing_signature" };
  const userData = textIn(json.value, "user_data");
  if (userData === undefined) return { ok: false, reason: "missing_user_data" };
  return checkUserSignature(app, { socketId, userData }, auth).ok
    ? { ok: true, auth, userData }
    : { ok: false, reason: "invalid_signature" };
}

/** Without the byte order mark that a PHP file saved with one puts before all output. */
function textOf(body: Buffer): string {
  return body.toString().replace(/^\ufeff/, "");
}

/** A field's text; an empty one is none. */
function textIn(answer: Record<string, unknown>, field: string): string | undefined {
  const value = answer[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}
