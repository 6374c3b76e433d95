/** Metrics of WebSocket connections, subscriptions and what is sent to them. */

import type { CutReason, FrameDropReason, HandshakeRefusal } from "../../core/report/websocket.ts";
import type { Define } from "../metric.ts";
import { closeCodes } from "./close-codes.ts";
import { app, appOrNone, authorizationReasons, errorReasons, frameKinds } from "./labels.ts";

const handshakeRefusals = {
  draining: "503: the node is shutting down",
  rate_limit: "429: more handshakes of this client than POGO_HANDSHAKE_RATE, and those that wait",
  connections_per_ip: "429: this client has POGO_MAX_CONNECTIONS_PER_IP open",
  unknown_key: "4001: no app has this key",
  over_capacity: "4100: POGO_MAX_CONNECTIONS are open",
  over_quota: "4004: the app's max_connections are open",
  origin: "4009: the page's origin is not in the app's allowed origins",
} satisfies Record<HandshakeRefusal, string>;

const dropReasons = {
  queue_full: "POGO_OUTBOUND_QUEUE_BYTES waited for the client",
} satisfies Record<FrameDropReason, string>;

const cutReasons = {
  outbound_memory: "POGO_OUTBOUND_TOTAL_BYTES wait for slow clients, and this one had the most",
} satisfies Record<CutReason, string>;

const deliverySettings = {
  outbound_queue_bytes: "POGO_OUTBOUND_QUEUE_BYTES",
  broker_queue_size: "POGO_BROKER_QUEUE_SIZE; 0 on a single node, where nothing waits",
  enable_compression: "POGO_ENABLE_COMPRESSION: 1 or 0",
};

export function webSocketMetrics({ counter, gauge, reading, tally }: Define) {
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
    connectionsMax: reading({
      name: "pogo_websocket_connections_max",
      help: "Connections that this node takes, all apps together (POGO_MAX_CONNECTIONS).",
      unit: "connections",
      moves: "Never.",
      action:
        "Alert where connections_active comes near it, and where process_open_fds comes near process_max_fds.",
    }),
    connectionsOpenedTotal: counter({
      name: "pogo_websocket_connections_opened_total",
      help: "WebSocket connections that were established.",
      unit: "connections",
      moves: "With each handshake that succeeds.",
      action:
        "A high rate beside few open connections: clients come back again and again; see connections_closed_total by code.",
      labels: { app_id: app },
    }),
    connectionsClosedTotal: counter({
      name: "pogo_websocket_connections_closed_total",
      help: "WebSocket connections that ended, by the close code that was sent or received first.",
      unit: "connections",
      moves: "When a close is sent or received, or the socket is gone without one.",
      action:
        "Many 1006: a proxy or a network cuts connections (an idle timeout below the ping period?). 4100 and above are the node's own, see errors_sent_total.",
      labels: { app_id: app, code: closeCodes },
    }),
    channelsActive: reading({
      name: "pogo_websocket_channels_active",
      help: "Channels with at least one subscription on this node.",
      unit: "channels",
      moves: "Read at each scrape.",
      action:
        "Nothing by itself; each costs some memory here and, with Redis, a subscription there.",
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
    messagesTotal: tally({
      name: "pogo_websocket_messages_total",
      help: "Events that the HTTP API accepted, whether anybody is subscribed or not.",
      unit: "events",
      moves: "By one for each channel of each event, once the broker has taken it.",
      action: "Alert where it stops although the app publishes; publish_failures_total says why.",
      labels: { app_id: app },
    }),
    broadcastsTotal: tally({
      name: "pogo_websocket_broadcasts_total",
      help: "Events sent to a channel's subscribers on this node, those of clients included.",
      unit: "events",
      moves: "By one for each channel with subscribers here, however many they are.",
      action: "Nothing; a rate of zero while messages_total grows means that nobody listens here.",
      labels: { app_id: app },
    }),
    deliveriesTotal: tally({
      name: "pogo_websocket_deliveries_total",
      help: "Events handed to a connection: one for each recipient of a broadcast.",
      unit: "events",
      moves: "By the number of recipients of each broadcast.",
      action: "Compare its rate with the CPU: this is the work of a real-time server.",
      labels: { app_id: app },
    }),
    errorsSentTotal: tally({
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
      help: "Frames that were not sent to a client, by reason and kind.",
      unit: "frames",
      moves: "With each frame that a client does not get although it is connected.",
      action: "Some are ordinary (phones); many mean that events are too large or too many.",
      labels: { app_id: appOrNone, reason: dropReasons, kind: frameKinds },
    }),
    writeFailuresTotal: counter({
      name: "pogo_websocket_write_failures_total",
      help: "Writes to a client that failed, by the kind of their last frame.",
      unit: "writes",
      moves: "When a connection turns out to be gone as something is sent to it.",
      action: "Some are ordinary; a burst is a network or a proxy that cuts connections.",
      labels: { kind: frameKinds },
    }),
    sentBytesTotal: reading({
      type: "counter",
      name: "pogo_websocket_sent_bytes_total",
      help: "Bytes of WebSocket frames written to clients.",
      unit: "bytes",
      moves: "Read at each scrape.",
      action: "Compare its rate with the bandwidth of the machine.",
    }),
    queuedBytes: reading({
      name: "pogo_websocket_queued_bytes",
      help: "Memory that waits for slow clients.",
      unit: "bytes",
      moves: "Read at each scrape; what several clients wait for counts once.",
      action:
        "POGO_OUTBOUND_QUEUE_BYTES bounds it for each client, POGO_OUTBOUND_TOTAL_BYTES for all: near that, connections are cut.",
    }),
    deliveryConfig: reading({
      name: "pogo_websocket_delivery_config",
      help: "Settings that delivery depends on, by key.",
      overWorkers: "first",
      unit: "the unit of the setting",
      moves: "Never.",
      action: "Nothing; it is there to be drawn beside what it bounds.",
      labels: { key: deliverySettings },
    }),
    connectionsCutTotal: counter({
      name: "pogo_websocket_connections_cut_total",
      help: "Connections ended without a close message, by reason.",
      unit: "connections",
      moves: "With each connection that is cut because the memory for slow clients is used up.",
      action: "Raise POGO_OUTBOUND_TOTAL_BYTES, or look for a client that asks and never reads.",
      labels: { app_id: appOrNone, reason: cutReasons },
    }),
    authFailuresTotal: tally({
      name: "pogo_websocket_auth_failures_total",
      help: "Subscriptions and signins refused, by reason.",
      unit: "requests",
      moves: "With each refused pusher:subscribe or pusher:signin.",
      action: "The log has a line for each reason that a setting causes, with what to look at.",
      labels: { app_id: app, reason: authorizationReasons },
    }),
  };
}
