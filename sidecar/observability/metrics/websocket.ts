/** Metrics of WebSocket connections, subscriptions and what is sent to them. */

import type { HandshakeRefusal } from "../../core/report/websocket.ts";
import type { Define } from "../metric.ts";
import { app, appOrNone, authorizationReasons, errorReasons } from "./labels.ts";

const handshakeRefusals = {
  draining: "503: the node is shutting down",
  rate_limit: "429: more handshakes of this client than POGO_HANDSHAKE_RATE",
  unknown_key: "4001: no app has this key",
  over_capacity: "4100: POGO_MAX_CONNECTIONS are open",
  over_quota: "4004: the app's max_connections are open",
  origin: "4009: the page's origin is not in the app's allowed origins",
} satisfies Record<HandshakeRefusal, string>;

export function webSocketMetrics({ counter, gauge }: Define) {
  return {
    connectionsActive: gauge({
      name: "pogo_websocket_connections_active",
      help: "Open WebSocket connections.",
      unit: "connections",
      moves: "Up with each connection that is established, down when its socket is gone.",
      action:
        "Scale out before it reaches POGO_MAX_CONNECTIONS or the limit of open files (process_max_fds).",
      labels: { app_id: app },
    }),
    subscriptionsActive: gauge({
      name: "pogo_websocket_subscriptions_active",
      help: "Subscriptions of connections to channels.",
      unit: "subscriptions",
      moves: "Up with each subscription that succeeds, down with each that ends.",
      action: "Nothing by itself; beside connections_active it says how many channels a page uses.",
      labels: { app_id: app },
    }),
    messagesTotal: counter({
      name: "pogo_websocket_messages_total",
      help: "Events broadcast to a channel with subscribers on this node.",
      unit: "events",
      moves: "By one for each channel that an event goes to, however many recipients it has.",
      action: "Nothing; a rate that drops to zero while the app publishes means nobody listens.",
      labels: { app_id: app },
    }),
    deliveriesTotal: counter({
      name: "pogo_websocket_deliveries_total",
      help: "Events handed to a connection: one for each recipient of a broadcast.",
      unit: "events",
      moves: "By the number of recipients of each broadcast.",
      action: "Compare its rate with the CPU: this is the work of a real-time server.",
      labels: { app_id: app },
    }),
    errorsSentTotal: counter({
      name: "pogo_websocket_errors_sent_total",
      help: "pusher:error messages sent to clients, by code and reason; 1009 are closes for a message too long.",
      unit: "messages",
      moves: "With each error, those that refuse a connection included.",
      action:
        "The reason names the limit or the mistake; the same words are in the client's console.",
      labels: { app_id: appOrNone, code: "Pusher's error code.", reason: errorReasons },
    }),
    handshakesRefusedTotal: counter({
      name: "pogo_websocket_handshakes_refused_total",
      help: "Connections refused before they were established, by reason.",
      unit: "connections",
      moves: "With each handshake that is answered with an error or an HTTP status.",
      action:
        "unknown_key and origin are settings of the page or of the app; the others are limits: raise them or scale out.",
      labels: { app_id: appOrNone, reason: handshakeRefusals },
    }),
    clientDroppedMessagesTotal: counter({
      name: "pogo_websocket_client_dropped_messages_total",
      help: "Frames dropped because a client read too slowly.",
      unit: "frames",
      moves: "With each frame for a connection that has POGO_OUTBOUND_QUEUE_BYTES waiting.",
      action: "Some are ordinary (phones); many mean that events are too large or too many.",
      labels: { app_id: appOrNone },
    }),
    authFailuresTotal: counter({
      name: "pogo_websocket_auth_failures_total",
      help: "Subscriptions and signins refused, by reason.",
      unit: "requests",
      moves: "With each refused pusher:subscribe or pusher:signin.",
      action: "The log has a line for each reason that a setting causes, with what to look at.",
      labels: { app_id: app, reason: authorizationReasons },
    }),
  };
}
