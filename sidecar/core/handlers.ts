/** Handles a client's message: a table from event to handler, and the checks before it. */

import { clientEventPrefix, toClientEvent, toWebhook } from "./client-events.ts";
import type { Connection } from "./connection.ts";
import { errors } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import type { Hub } from "./hub.ts";
import { isObject } from "./json.ts";
import { parseMessage, pongText, type Message } from "./messages.ts";
import type {
  Broker,
  ChannelAuthorizer,
  ChannelEvent,
  UserAuthenticator,
  Webhooks,
} from "./ports.ts";
import type { Report, SidecarEvent } from "./report.ts";
import { signin } from "./signin.ts";
import { findSubject } from "./subject.ts";
import { parseChannel, subscribe } from "./subscribe.ts";
import { toMessageReceived } from "./wire-trace.ts";

export interface HandlerDependencies {
  readonly hub: Hub;
  readonly authorizer: (ChannelAuthorizer & UserAuthenticator) | null;
  readonly webhooks: Webhooks;
  readonly broker: Broker;
  readonly report: Report;
}

type Handler = (
  connection: Connection,
  message: Message,
  dependencies: HandlerDependencies,
  nowMs: number,
) => void;

const pongFrame = encodeFrame(pongText);

const handlers: Readonly<Record<string, Handler>> = {
  "pusher:ping": (connection, _message, { hub }) => {
    connection.send(pongFrame, "ping");
    hub.recovery?.askPosition(connection);
  },
  "pusher:pong": () => {},
  "pusher:subscribe": (connection, { data }, dependencies) =>
    subscribe(connection, data, dependencies),
  "pusher:unsubscribe": (connection, { data }, { hub }) => {
    const channel = isObject(data) ? parseChannel(data["channel"]) : null;
    if (channel === null) return connection.fail(errors.invalidMessageFormat);
    hub.unsubscribe(connection, channel);
  },
  "pusher:signin": (connection, { data }, dependencies) => signin(connection, data, dependencies),
};

/** They keep the connection alive and cost nothing, so they do not count against the message rate. */
const heartbeatEvents: ReadonlySet<string> = new Set(["pusher:ping", "pusher:pong"]);
/** Characters. Longer messages are no heartbeats, and over the message rate they are refused unread. */
const maxHeartbeatLength = 256;

/**
 * Handles one message of an open connection, and answers it now or later. Never throws for anything a client can
 * send.
 */
export function handleMessage(
  connection: Connection,
  text: string,
  dependencies: HandlerDependencies,
  nowMs: number,
): void {
  dependencies.report.wire?.(toMessageReceived(connection, text));
  // Its close is on the way, and its session is already kept.
  if (connection.recovery?.isSuspended) return;
  if (text.length > maxHeartbeatLength && connection.isOverMessageRate(nowMs)) {
    return refuseOverRate(connection, text);
  }
  const message = parseMessage(text);
  const counts = !message || !heartbeatEvents.has(message.event);
  if (counts && !connection.mayReceiveMessage(nowMs)) return refuseOverRate(connection, text);
  if (!message) return connection.fail(errors.invalidMessageFormat);
  handlerFor(message)(connection, message, dependencies, nowMs);
}

/**
 * Refuses a message that is longer than the app allows; the connection stays (rule X04).
 *
 * @param text all of it, or as much as was read
 */
export function refuseTooLong(connection: Connection, text: string, nowMs: number): void {
  if (!connection.mayReceiveMessage(nowMs)) return refuseOverRate(connection, text);
  connection.fail(errors.messageTooLong, findSubject(text));
}

function refuseOverRate(connection: Connection, text: string): void {
  const { terminateOnLimit } = connection.app;
  const error = terminateOnLimit ? errors.rateLimitTerminated : errors.rateLimitExceeded;
  connection.fail(error, findSubject(text));
}

function handlerFor({ event }: Message): Handler {
  if (event.startsWith(clientEventPrefix)) return handleClientEvent;
  return (Object.hasOwn(handlers, event) && handlers[event]) || handleOther;
}

const handleClientEvent: Handler = (connection, message, dependencies, nowMs) => {
  const { hub, broker, webhooks, report } = dependencies;
  const result = toClientEvent(connection, message, nowMs);
  if (!result.ok) return connection.fail(result.error, null, parseChannel(message.channel));
  report.details?.(toReceived(connection, result.event));
  hub.broadcast(result.event);
  broker.relay(result.event);
  webhooks.notify(hub.app.id, toWebhook(connection, message, result.event));
};

function toReceived(
  { socketId }: Connection,
  { appId, event, channel, dataJson }: ChannelEvent,
): SidecarEvent<"client_event_received"> {
  const bytes = Buffer.byteLength(dataJson);
  return { kind: "client_event_received", appId, socketId, event, channel, bytes };
}

/** Unknown events with a channel are silently dropped, as in Reverb; all others are an error. */
const handleOther: Handler = (connection, { event, channel }) => {
  const isDropped = typeof channel === "string" && !event.startsWith("pusher:");
  if (!isDropped) connection.fail(errors.invalidMessageFormat);
};
