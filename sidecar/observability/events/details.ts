/** Events that are only logged, at `debug` and `trace`. */

import type { DetailEvents } from "../../core/report/details.ts";
import type { Rows } from "../rows.ts";

export function detailRows(): Rows<keyof DetailEvents> {
  return {
    event_published: {
      log: {
        level: "debug",
        message: "event published",
        fields: ({ appId, event, channels, bytes }) => ({
          app_id: appId,
          event,
          channels,
          bytes,
        }),
      },
    },
    event_delivered: {
      log: {
        level: "debug",
        message: "event delivered",
        fields: ({ appId, event, channel, bytes, recipients }) => ({
          app_id: appId,
          event,
          channel,
          bytes,
          recipients,
        }),
      },
    },
    client_event_received: {
      log: {
        level: "debug",
        message: "client event",
        fields: ({ appId, socketId, event, channel, bytes }) => ({
          app_id: appId,
          socket_id: socketId,
          event,
          channel,
          bytes,
        }),
      },
    },
    app_asked: {
      log: {
        level: "debug",
        message: "the app was asked",
        fields: ({ appId, socketId, path, channel, status, outcome, durationMs }) => ({
          app_id: appId,
          socket_id: socketId,
          path,
          channel,
          status,
          outcome,
          duration_ms: Math.round(durationMs * 10) / 10,
        }),
      },
    },
    message_received: {
      log: { level: "trace", message: "received from a client", fields: wireFields },
    },
    message_sent: {
      log: { level: "trace", message: "sent to a client", fields: wireFields },
    },
    request_received: {
      log: {
        level: "trace",
        message: "request received",
        fields: ({ id, method, path, fields }) => ({
          method,
          path,
          fields,
          request_id: id,
        }),
      },
    },
  };
}

function wireFields({ appId, socketId, text }: Omit<DetailEvents["message_sent"], "kind">) {
  return { app_id: appId, socket_id: socketId, text };
}
