/** What is done with a client's message: a table from event to handler, and the checks before it. */

import { clientEventPrefix, toClientEvent, toWebhook } from "./client-events.ts";
import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import type { Hub } from "./hub.ts";
import { isObject } from "./json.ts";
import { parseMessage, pongText, type Message } from "./messages.ts";
import type { Broker, ChannelAuthorizer, UserAuthenticator, Webhooks } from "./ports.ts";
import type { Report } from "./report.ts";
import { signin } from "./signin.ts";
import { parseChannel, subscribe } from "./subscribe.ts";

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
) => ProtocolError | undefined | Promise<void>;

const pongFrame = encodeFrame(pongText);

const handlers: Readonly<Record<string, Handler>> = {
  "pusher:ping": (connection) => {
    connection.send(pongFrame, "ping");
    return undefined;
  },
  "pusher:pong": () => undefined,
  "pusher:subscribe": (connection, message, dependencies) =>
    subscribe(connection, message.data, dependencies),
  "pusher:unsubscribe": (connection, message, { hub }) => {
    const channel = isObject(message.data) ? parseChannel(message.data["channel"]) : null;
    if (channel === null) return errors.invalidMessageFormat;
    hub.unsubscribe(connection, channel);
    return undefined;
  },
  "pusher:signin": (connection, message, { hub, report, authorizer: authenticator }) =>
    signin(connection, message.data, { hub, report, authenticator }),
};

/** Keep the connection alive, and cost nothing: they don't count against the message rate. */
const heartbeatEvents: ReadonlySet<string> = new Set(["pusher:ping", "pusher:pong"]);

/**
 * Handles one message of an open connection. Never throws for anything a client can send; a promise is
 * returned where the answer has to wait for the app.
 */
export function handleMessage(
  connection: Connection,
  text: string,
  dependencies: HandlerDependencies,
  nowMs: number,
): void | Promise<void> {
  const message = parseMessage(text);
  const counts = !message || !heartbeatEvents.has(message.event);
  if (counts && !connection.mayReceiveMessage(nowMs)) {
    const { terminateOnLimit } = connection.app;
    const error = terminateOnLimit ? errors.rateLimitTerminated : errors.rateLimitExceeded;
    return connection.fail(error);
  }
  if (!message) return connection.fail(errors.invalidMessageFormat);

  const outcome = handlerFor(message)(connection, message, dependencies, nowMs);
  if (outcome instanceof Promise) return outcome;
  if (outcome) connection.fail(outcome);
}

function handlerFor({ event }: Message): Handler {
  if (event.startsWith(clientEventPrefix)) return handleClientEvent;
  return (Object.hasOwn(handlers, event) && handlers[event]) || handleOther;
}

const handleClientEvent: Handler = (connection, message, { hub, broker, webhooks }, nowMs) => {
  const result = toClientEvent(connection, message, hub, nowMs);
  if (!result.ok) return result.error;
  hub.broadcast(result.event);
  broker.relay(result.event);
  webhooks.notify(hub.app.id, toWebhook(connection, message, result.event));
  return undefined;
};

/** Unknown events with a channel are dropped in silence, as Reverb does; all others are an error. */
const handleOther: Handler = (_connection, { event, channel }) => {
  const isDropped = typeof channel === "string" && !event.startsWith("pusher:");
  return isDropped ? undefined : errors.invalidMessageFormat;
};
