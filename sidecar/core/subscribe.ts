/** `pusher:subscribe`: read the request, authorize it, join the channel, answer (rules S01–S18 of docs/protocol.md). */

import { askApp, deny, denySignature } from "./ask-app.ts";
import type { Channel } from "./channel.ts";
import { channelKind, isChannelName, userOfChannel } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { bearerCredential } from "./credential.ts";
import { errors } from "./errors.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import type { Hub } from "./hub.ts";
import { isObject, numberText } from "./json.ts";
import { checkLimits, isProofTooLong } from "./limits.ts";
import {
  encodeCacheMiss,
  encodePresenceSucceeded,
  encodeSubscriptionSucceeded,
} from "./messages.ts";
import type { Broker, ChannelAuthorizer, Webhooks } from "./ports.ts";
import { parseChannelData, type Member } from "./presence.ts";
import { arriveInChannel } from "./recovery/arrival.ts";
import type { Report } from "./report.ts";
import { checkChannelSignature } from "./signature.ts";
import { channelSubject } from "./subject.ts";

export interface SubscribeDependencies {
  readonly hub: Hub;
  /** Asked about subscriptions without a signature; null: they are refused. */
  readonly authorizer: ChannelAuthorizer | null;
  /** Asked for the last event of cache channels. */
  readonly broker: Broker;
  readonly report: Report;
  readonly webhooks: Webhooks;
}

interface SubscribeRequest {
  readonly channel: string;
  /** A signature. */
  readonly auth: string | null;
  /** A token to ask the app with, in place of a signature. */
  readonly credential: string | null;
  readonly channelData: string | null;
  /** Read from `channelData`. */
  readonly member: Member | null;
}

/** Answers with subscription_succeeded or with an error from the catalogue, now or later. */
export function subscribe(
  connection: Connection,
  data: unknown,
  dependencies: SubscribeDependencies,
): void {
  const channel = isObject(data) ? parseChannel(data["channel"]) : null;
  const request = channel === null ? null : parseRequest(channel, data);
  if (channel === null) return connection.fail(errors.invalidMessageFormat);
  const subject = channelSubject(channel);
  if (!request) return connection.fail(errors.invalidMessageFormat, subject);

  if (connection.user !== null && userOfChannel(channel) === connection.user.id) {
    // Rule U07: SDKs subscribe to it after a signin, which has brought its events already.
    return connection.sendText(encodeSubscriptionSucceeded(channel));
  }
  if (!isChannelName(channel)) return connection.fail(errors.invalidChannelName, subject);
  authorize(connection, request, dependencies);
}

/** Channel as text (numbers are coerced, as in Reverb); null if it is none. */
export function parseChannel(value: unknown): string | null {
  return typeof value === "string" ? value : numberText(value);
}

function parseRequest(channel: string, data: unknown): SubscribeRequest | null {
  const fields = isObject(data) ? data : {};
  const auth = fields["auth"] ?? "";
  const channelData = fields["channel_data"] ?? "";
  if (typeof auth !== "string" || typeof channelData !== "string") return null;
  return toRequest(channel, auth, channelData);
}

function toRequest(channel: string, auth: string, channelData: string): SubscribeRequest | null {
  const credential = bearerCredential(auth);
  const request = { channel, auth: credential === null ? auth || null : null, credential };
  if (channelData === "") return { ...request, channelData: null, member: null };
  const parsed = parseChannelData(channelData);
  return parsed.ok ? { ...request, channelData, member: parsed.member } : null;
}

function authorize(
  connection: Connection,
  request: SubscribeRequest,
  dependencies: SubscribeDependencies,
): void {
  const { channel, auth, channelData } = request;
  if (channelKind(channel).access === "public") {
    // The other fields are of no use here, and would be kept while the subscribe has to wait.
    const bare = { channel, auth: null, credential: null, channelData: null, member: null };
    return join(connection, bare, dependencies);
  }
  if (auth === null) return void askForProof(connection, request, dependencies);

  const { socketId, app } = connection;
  const signed = { socketId, channel, channelData: channelData ?? undefined };
  const check = checkChannelSignature(app, signed, auth);
  const subject = channelSubject(channel);
  if (!check.ok) return denySignature(connection, subject, check, dependencies.report);
  // A signed subscribe supersedes one that still waits for the app's answer.
  connection.cancel(subject);
  join(connection, request, dependencies);
}

async function askForProof(
  connection: Connection,
  { channel, credential }: SubscribeRequest,
  dependencies: SubscribeDependencies,
): Promise<void> {
  const { authorizer, hub, report } = dependencies;
  const { app, socketId, handshake } = connection;
  const subject = channelSubject(channel);
  const ask = authorizer
    ? async (signal: AbortSignal) => {
        const about = { app, socketId, channel, handshake, credential, signal };
        const answer = await authorizer.authorize(about);
        // Rule Y23. A cancelled request says nothing about the grant.
        if (!answer.ok && !signal.aborted) hub.recovery?.revoke(connection, channel);
        return answer;
      }
    : null;
  const proof = await askApp(connection, subject, credential, ask, report);
  if (!proof) return;
  const { auth, channelData = "" } = proof;
  const data = { channel, auth, channel_data: channelData };
  if (isProofTooLong(app, { event: "pusher:subscribe", data })) {
    return connection.fail(errors.messageTooLong, subject);
  }
  const request = toRequest(channel, auth, channelData);
  if (request) return join(connection, request, dependencies, proof.sharedSecret);
  deny(connection, subject, { kind: "denied", reason: "missing_channel_data" }, report);
}

/** Joins at once, unless the answer is long and was sent often enough, or there is no room for it (rule S18). */
function join(
  connection: Connection,
  request: SubscribeRequest,
  dependencies: SubscribeDependencies,
  sharedSecret?: string,
): void {
  const { hub } = dependencies;
  const { channel } = request;
  const { access, cache } = channelKind(channel);
  const isShort = access !== "presence" && !cache;
  const hasRoom = connection.hasRoom(hub.channel(channel)?.answerBytes ?? 0);
  if (isShort || (hasRoom && hub.repeats.tryTake(connection, channel))) {
    return joinNow(connection, request, dependencies, sharedSecret);
  }
  const again = (): void => join(connection, request, dependencies, sharedSecret);
  if (hub.repeats.defer(connection, channel, again)) return;
  connection.fail(errors.repeatRateExceeded, channelSubject(channel));
}

function joinNow(
  connection: Connection,
  request: SubscribeRequest,
  dependencies: SubscribeDependencies,
  sharedSecret?: string,
): void {
  const { hub } = dependencies;
  const { channel: name } = request;
  const subject = channelSubject(name);
  const isPresence = channelKind(name).access === "presence";
  const member = isPresence ? (request.member ?? signedInMember(connection)) : null;
  const excess = checkLimits(connection, { ...request, member });
  if (excess) return connection.fail(excess, subject);
  hub.subscribe(connection, name, member, (result) => {
    if (!result.ok) return connection.fail(result.error, subject);
    const { channel, isNew } = result;
    connection.send(succeeded(channel, member, hub, sharedSecret));
    const sendLast = (isUpToDate: boolean): void => {
      if (channel.kind.cache && !isUpToDate) void sendLastEvent(connection, channel, dependencies);
    };
    if (isNew && hub.recovery) arriveInChannel(hub.recovery, connection, name, sendLast);
    else sendLast(false);
  });
}

/** A signed-in user is a member without `channel_data` (Pusher: presence channels and user authentication). */
function signedInMember({ user }: Connection): Member | null {
  return user && { userId: user.id, userInfo: user.info };
}

function succeeded(
  { name, feed }: Channel,
  member: Member | null,
  hub: Hub,
  sharedSecret?: string,
): Frame {
  if (!feed) return encodeFrame(encodeSubscriptionSucceeded(name, sharedSecret));
  return member ? feed.list(hub.roster(name)) : encodeFrame(encodePresenceSucceeded(name, []));
}

/** Rules K01–K03. If an event came while the broker was asked, it is newer than the answer, which is then not sent. */
async function sendLastEvent(
  connection: Connection,
  channel: Channel,
  { hub, broker, webhooks }: SubscribeDependencies,
): Promise<void> {
  const { eventCount } = channel;
  const subscription = connection.subscriptions.get(channel.name);
  const frame = await hub.lastEvent(channel, broker);
  // A client that left and came back has a new subscription, which asks for itself.
  if (subscription?.state.kind !== "live" || channel.eventCount !== eventCount) return;
  if (frame) return connection.send(frame);
  connection.sendText(encodeCacheMiss(channel.name));
  webhooks.notify(connection.app.id, { name: "cache_miss", channel: channel.name });
}
