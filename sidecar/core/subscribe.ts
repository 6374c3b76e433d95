/** `pusher:subscribe`: read the request, authorize it, join the channel, answer (rules S01–S17 of docs/protocol.md). */

import type { AuthorizationFault, Broker, ChannelAuthorizer, Webhooks } from "./ports.ts";
import type { Report } from "./report.ts";
import type { Channel } from "./channel.ts";
import { channelKind, isChannelName, userOfChannel } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { bearerCredential } from "./credential.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Hub } from "./hub.ts";
import { isObject, numberText } from "./json.ts";
import { findExcess } from "./limits.ts";
import {
  encodeCacheMiss,
  encodeChannelEvent,
  encodePresenceSucceeded,
  encodeSubscriptionError,
  encodeSubscriptionSucceeded,
} from "./messages.ts";
import { parseChannelData, type Member } from "./presence.ts";
import { checkChannelSignature } from "./signature.ts";

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
  /** What the app is asked with instead of a signature. */
  readonly credential: string | null;
  readonly channelData: string | null;
  /** Read from `channelData`. */
  readonly member: Member | null;
}

/** Answers with subscription_succeeded or with an error from the catalogue; settles when it has. */
export async function subscribe(
  connection: Connection,
  data: unknown,
  dependencies: SubscribeDependencies,
): Promise<void> {
  const request = parseRequest(data);
  if (!request) return connection.fail(errors.invalidMessageFormat);

  const { channel } = request;
  if (connection.user !== null && userOfChannel(channel) === connection.user.id) {
    // Rule U07: SDKs subscribe to it after a signin, which has brought its events already.
    return connection.sendText(encodeSubscriptionSucceeded(channel));
  }
  if (!isChannelName(channel)) {
    connection.fail(errors.invalidChannelName);
    const error = "Channel name must be 1 to 256 characters of a-z A-Z 0-9 _ - = @ , . ;";
    const answer = { type: "ChannelNameError", error, status: 400 } as const;
    return connection.sendText(encodeSubscriptionError(channel, answer));
  }

  if (channelKind(channel).access === "public") return join(connection, request, dependencies);
  if (request.auth === null) return askUpstream(connection, request, dependencies);

  const { socketId, app } = connection;
  const { auth, channelData } = request;
  const subject = { socketId, channel, channelData: channelData ?? undefined };
  const check = checkChannelSignature(app, subject, auth);
  if (!check.ok) {
    if (check.sentKey !== undefined) {
      const { sentKey } = check;
      dependencies.report({ kind: "foreign_key_sent", appId: connection.app.id, sentKey });
    }
    const fault = { kind: "denied", reason: "invalid_signature" } as const;
    return deny(connection, channel, fault, dependencies);
  }
  // A signed subscribe supersedes one that still waits for the app's word.
  connection.pending.get(channel)?.abort();
  connection.pending.delete(channel);
  return join(connection, request, dependencies);
}

/** Channel as text (numbers are coerced, as in Reverb); null if the request is not one. */
export function parseChannel(value: unknown): string | null {
  return typeof value === "string" ? value : numberText(value);
}

function parseRequest(data: unknown): SubscribeRequest | null {
  if (!isObject(data)) return null;
  const channel = parseChannel(data["channel"]);
  const auth = data["auth"] ?? "";
  const channelData = data["channel_data"] ?? "";
  if (channel === null || typeof auth !== "string" || typeof channelData !== "string") return null;
  const credential = bearerCredential(auth);
  const proof = { channel, auth: credential === null ? auth || null : null, credential };
  if (channelData === "") return { ...proof, channelData: null, member: null };
  const parsed = parseChannelData(channelData);
  if (!parsed.ok) return null;
  return { ...proof, channelData, member: parsed.member };
}

/** One question at a time for a connection and channel: a second subscribe shares the first one's answer. */
async function askUpstream(
  connection: Connection,
  { channel, credential }: SubscribeRequest,
  dependencies: SubscribeDependencies,
): Promise<void> {
  const { authorizer } = dependencies;
  if (!authorizer) {
    const fault = { kind: "denied", reason: "missing_signature" } as const;
    return deny(connection, channel, fault, dependencies);
  }
  if (connection.pending.has(channel) && credential === null) return;

  // Who shows a token is somebody else than before.
  connection.pending.get(channel)?.abort();
  const asked = new AbortController();
  connection.pending.set(channel, asked);
  const { app, socketId, handshake } = connection;
  const { signal } = asked;
  const question = { app, socketId, channel, handshake, credential, signal };
  const answer = await authorizer.authorize(question);

  // Closed, unsubscribed, or subscribed with a signature meanwhile: the answer is nobody's any more.
  if (signal.aborted || !connection.isOpen) return;
  connection.pending.delete(channel);
  if (!answer.ok) return deny(connection, channel, answer, dependencies);

  const proof = parseRequest({ channel, auth: answer.auth, channel_data: answer.channelData });
  if (!proof) {
    const fault = { kind: "denied", reason: "missing_channel_data" } as const;
    return deny(connection, channel, fault, dependencies);
  }
  return join(connection, proof, dependencies, answer.sharedSecret);
}

async function join(
  connection: Connection,
  request: SubscribeRequest,
  dependencies: SubscribeDependencies,
  sharedSecret?: string,
): Promise<void> {
  const { hub } = dependencies;
  const { channel: name } = request;
  const isPresence = channelKind(name).access === "presence";
  const member = isPresence ? (request.member ?? signedInMember(connection)) : null;
  const excess = findExcess(connection, { ...request, member });
  if (excess) return refuseExcess(connection, name, excess);
  const subscribing = hub.subscribe(connection, name, member);
  // Not awaited where it is known already: a client event right behind must find the subscription.
  const outcome = subscribing instanceof Promise ? await subscribing : subscribing;
  if (outcome.kind === "gone") return;
  if (outcome.kind === "refused") return refuseExcess(connection, name, outcome.error);
  const { channel } = outcome;
  connection.sendText(
    isPresence
      ? encodePresenceSucceeded(name, (member && hub.roster(name)?.members()) ?? [])
      : encodeSubscriptionSucceeded(name, sharedSecret),
  );
  if (channel.kind.cache) await sendLastEvent(connection, channel, dependencies);
}

/** Rules K01–K03. An event that came while the broker was asked is newer than its answer, which then stays unsent. */
async function sendLastEvent(
  connection: Connection,
  channel: Channel,
  { broker, webhooks }: SubscribeDependencies,
): Promise<void> {
  const { eventCount } = channel;
  const subscription = connection.subscriptions.get(channel.name);
  const cached = await broker.lastEvent(connection.app.id, channel.name);
  // Who left and came back has a new subscription, which asks for itself.
  const isSame = connection.isOpen && connection.subscriptions.get(channel.name) === subscription;
  if (!isSame || channel.eventCount !== eventCount) return;
  if (cached) return connection.sendText(encodeChannelEvent(cached.event));
  connection.sendText(encodeCacheMiss(channel.name));
  webhooks.notify(connection.app.id, { name: "cache_miss", channel: channel.name });
}

function refuseExcess(connection: Connection, channel: string, excess: ProtocolError): void {
  connection.fail(excess);
  const answer = { type: "LimitReached", error: excess.message, status: 403 } as const;
  connection.sendText(encodeSubscriptionError(channel, answer));
}

/** Who signed in is a member without `channel_data` (Pusher: presence channels and user authentication). */
function signedInMember({ user }: Connection): Member | null {
  return user && { userId: user.id, userInfo: user.info };
}

/** 403: the app said no. 503: nobody could say; trying later may help. */
function deny(
  connection: Connection,
  channel: string,
  fault: { kind: "denied" | "unavailable"; reason: AuthorizationFault },
  { hub, report }: SubscribeDependencies,
): void {
  report({ kind: "authorization_refused", appId: hub.app.id, reason: fault.reason });
  connection.fail(errors.unauthorized);
  const answer =
    fault.kind === "denied"
      ? ({ type: "AuthError", error: "Connection is unauthorized", status: 403 } as const)
      : ({ type: "AuthError", error: "Authorization is unavailable", status: 503 } as const);
  connection.sendText(encodeSubscriptionError(channel, answer));
}
