/** What goes over the wire, for the log levels `debug` and `trace`; nothing is created unless it is logged. */

import { textPayloadOf } from "./frame.ts";
import type { ChannelEvent } from "./ports.ts";
import { redactMessage } from "./redact.ts";
import type { Report, SidecarEvent } from "./report.ts";
import type { Transport } from "./transport.ts";

/** What a client sent. */
export function toMessageReceived(
  { app, socketId }: { readonly app: { readonly id: string }; readonly socketId: string },
  text: string,
): SidecarEvent<"message_received"> {
  return { kind: "message_received", appId: app.id, socketId, text: redactMessage(text) };
}

/** An event that was sent to so many connections of this node. */
export function toDelivered(
  { appId, channel, event, dataJson }: ChannelEvent,
  recipients: number,
): SidecarEvent<"event_delivered"> {
  const bytes = Buffer.byteLength(dataJson);
  return { kind: "event_delivered", appId, event, channel, bytes, recipients };
}

/** A transport that reports what it sends. */
export function traceSent(
  wire: NonNullable<Report["wire"]>,
  client: { readonly appId: string; readonly socketId: string },
  transport: Transport,
): Transport {
  return {
    send(frame, kind) {
      // Pings and pongs of RFC 6455 have nothing to read in them.
      const text = textPayloadOf(frame);
      if (text) wire({ kind: "message_sent", ...client, text: redactMessage(text.toString()) });
      transport.send(frame, kind);
    },
    hasRoom: (bytes) => transport.hasRoom(bytes),
    close: (code, reason) => transport.close(code, reason),
  };
}
