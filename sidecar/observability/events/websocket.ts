/** Events of WebSocket connections. */

import type { WebSocketEvents } from "../../core/report/websocket.ts";
import { closeCodeLabel } from "../metrics/close-codes.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

/** What a client sent is not logged longer than this. */
const maxSentKeyLength = 64;

export function webSocketRows({
  webSocket,
  authorizer,
  hotPath,
}: Metrics): Rows<keyof WebSocketEvents> {
  return {
    connection_opened: {
      count({ appId }) {
        webSocket.connectionsActive.inc({ app_id: appId });
        webSocket.connectionsOpenedTotal.inc({ app_id: appId });
      },
    },
    connection_closed: {
      count({ appId, code }) {
        webSocket.connectionsActive.dec({ app_id: appId });
        webSocket.connectionsClosedTotal.inc({ app_id: appId, code: closeCodeLabel(code) });
      },
    },
    handshake_refused: {
      count: ({ appId, reason }) =>
        webSocket.handshakesRefusedTotal.inc({ app_id: appId ?? "", reason }),
    },
    subscription_added: {
      count: ({ appId }) => webSocket.subscriptionsActive.inc({ app_id: appId }),
    },
    subscription_removed: {
      count: ({ appId }) => webSocket.subscriptionsActive.dec({ app_id: appId }),
    },
    // Counted as an error that was sent, with its reason.
    subscriptions_exhausted: {
      log: {
        level: "warn",
        message: "subscription refused: the node has as many as it may",
        fields: ({ max }) => ({ max_subscriptions: max }),
        hint: "raise POGO_MAX_SUBSCRIPTIONS if there is memory for it (about 1 KB each), or add a node",
        throttle: () => "",
      },
    },
    broadcast: {
      count({ appId, recipients }) {
        webSocket.broadcastsTotal.inc({ app_id: appId });
        webSocket.deliveriesTotal.inc({ app_id: appId }, recipients);
        hotPath?.fanoutSubscribers.observe(recipients);
      },
    },
    frame_dropped: {
      count: ({ appId, reason, frame: kind }) =>
        webSocket.clientDroppedMessagesTotal.inc({ app_id: appId ?? "", reason, kind }),
    },
    write_failed: { count: ({ frame: kind }) => webSocket.writeFailuresTotal.inc({ kind }) },
    frame_queued: { count: ({ waiting }) => hotPath?.clientQueueDepth.observe(waiting) },
    frames_written: {
      count: ({ residenceMs }) => hotPath?.clientQueueResidenceSeconds.observe(residenceMs / 1000),
    },
    write_finished: {
      count: ({ frame: kind, durationMs }) =>
        hotPath?.writeDurationSeconds.observe({ kind }, durationMs / 1000),
    },
    error_sent: {
      count: ({ appId, code, reason }) =>
        webSocket.errorsSentTotal.inc({ app_id: appId ?? "", code, reason }),
    },
    authorization_refused: {
      count({ appId, reason }) {
        webSocket.authFailuresTotal.inc({ app_id: appId, reason });
        if (reason === "circuit_open") authorizer.circuitBreakerOpenTotal.inc();
      },
      log: {
        level: "debug",
        message: "subscription or signin refused",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
      },
    },
    foreign_key_sent: {
      log: {
        level: "warn",
        message: "signature made with another app's key",
        fields: ({ appId, sentKey }) => ({
          app_id: appId,
          sent_app_key: sentKey.slice(0, maxSentKeyLength),
        }),
        hint: "the app that signs must have this app's key: compare REVERB_APP_KEY or PUSHER_APP_KEY on both sides",
        throttle: ({ appId }) => appId,
      },
    },
  };
}
