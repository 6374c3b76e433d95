/** Client events (Echo's whispers): who may send them, and to whom they go (rules E01–E14 of docs/protocol.md). */

import type { App, ClientEventSenders } from "./app.ts";
import { channelKind, isChannelName } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Message } from "./messages.ts";
import type { ChannelEvent, WebhookEvent } from "./ports.ts";
import { idText } from "./user-id.ts";

export const clientEventPrefix = "client-";

export type ClientEventResult =
  | { readonly ok: true; readonly event: ChannelEvent }
  | { readonly ok: false; readonly error: ProtocolError };

/**
 * Checks a `client-*` message in the order in which the refusals must win, and makes the event that the others
 * get: only `event`, `channel`, `data` and the sender's own `user_id`, whatever else the client wrote.
 */
export function toClientEvent(
  connection: Connection,
  message: Message,
  nowMs: number,
): ClientEventResult {
  const { app, socketId, subscriptions } = connection;
  const { event, channel, data } = message;
  if (typeof channel !== "string") return { ok: false, error: errors.invalidMessageFormat };
  const refusal = refusals[app.acceptClientEventsFrom](connection, channel);
  if (refusal) return { ok: false, error: refusal };
  if (!connection.maySendClientEvent(nowMs)) {
    return { ok: false, error: errors.clientEventRateExceeded };
  }
  const dataJson = JSON.stringify(data ?? null);
  const excess = checkEventLimits(app, event, typeof data === "string" ? data : dataJson);
  if (excess) return { ok: false, error: excess };

  const member = subscriptions.get(channel)?.member;
  return {
    ok: true,
    event: {
      appId: app.id,
      channel,
      event,
      dataJson,
      isClientEvent: true,
      exceptSocketId: socketId,
      ...(member && { userId: member.userId }),
    },
  };
}

/** The same limits as for what the app publishes (rules V15, V16). */
function checkEventLimits(
  { maxEventNameLength, maxEventDataBytes }: App,
  event: string,
  data: string,
): ProtocolError | null {
  if (event.length > maxEventNameLength) return errors.eventNameTooLong;
  return Buffer.byteLength(data) > maxEventDataBytes ? errors.eventDataTooLarge : null;
}

/** The same event as the webhook `client_event`. */
export function toWebhook(
  { socketId }: Connection,
  { data }: Message,
  { event, channel, dataJson, userId }: ChannelEvent,
): WebhookEvent {
  return {
    name: "client_event",
    channel,
    event,
    data: typeof data === "string" ? data : dataJson,
    socket_id: socketId,
    ...(userId !== undefined && { user_id: idText(userId) }),
  };
}

type Rule = (connection: Connection, channel: string) => ProtocolError | null;

const refusals: Record<ClientEventSenders, Rule> = {
  none: () => errors.clientEventsDisabled,
  // Not to a user's own channel: that one is the app's.
  all: (_connection, channel) => (isChannelName(channel) ? null : errors.invalidChannelName),
  members: (connection, channel) =>
    connection.subscriptions.has(channel) ? null : errors.notAMember,
  private: (connection, channel) => {
    if (!connection.subscriptions.has(channel)) return errors.notAMember;
    const { access, encrypted } = channelKind(channel);
    return access === "public" || encrypted ? errors.clientEventNotAllowedHere : null;
  },
};
