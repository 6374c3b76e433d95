/** Client events (Echo's whispers): who may send them, to whom they go (rules E01–E14 of docs/protocol.md). */

import type { ClientEventSenders } from "./app.ts";
import { channelKind, isChannelName } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Hub } from "./hub.ts";
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
  hub: Hub,
  nowMs: number,
): ClientEventResult {
  const { event, channel: name, data } = message;
  if (typeof name !== "string") return { ok: false, error: errors.invalidMessageFormat };

  const senders = hub.app.acceptClientEventsFrom;
  const refusal = refusals[senders](connection, name);
  if (refusal) return { ok: false, error: refusal };
  if (!connection.maySendClientEvent(nowMs)) {
    return { ok: false, error: errors.clientEventRateExceeded };
  }

  const member = connection.subscriptions.get(name)?.member;
  return {
    ok: true,
    event: {
      appId: hub.app.id,
      channel: name,
      event,
      dataJson: JSON.stringify(data ?? null),
      isClientEvent: true,
      exceptSocketId: connection.socketId,
      ...(member && { userId: member.userId }),
    },
  };
}

/** The same event as the app hears of it. */
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
