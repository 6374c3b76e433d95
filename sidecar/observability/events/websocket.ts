/** Events of WebSocket connections. */

import type { WebSocketEvents } from "../../core/report/websocket.ts";
import type { SignatureFault } from "../../core/signature.ts";
import { closeCodeLabel } from "../metrics/close-codes.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";
import { refusalHint } from "./authorizer.ts";
import { errorHints, handshakeHints } from "./hints.ts";

/** What a client sent is not logged longer than this. */
const maxSentLength = 64;

const signatureHints: Readonly<Record<SignatureFault, string>> = {
  malformed:
    "auth has no app key in front: does the app broadcast with reverb or pusher, and does a custom authorizer pass its whole answer on?",
  wrong_key:
    "the app signs with another app's key: compare REVERB_APP_KEY or PUSHER_APP_KEY on both sides, then php artisan config:clear",
  mismatch:
    "the app signs with another secret: compare REVERB_APP_SECRET or PUSHER_APP_SECRET on both sides, then php artisan config:clear",
};

const misdirections = {
  no_upgrade:
    'the proxy in front does not pass Upgrade and Connection on (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade")',
  path: "its path ends with /app/{key} but has something before it: POGO_PATH and wsPath in Echo must be the same, without a slash at the end",
};

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
      log: {
        level: "debug",
        message: "connection opened",
        fields: ({ appId, socketId }) => ({ app_id: appId, socket_id: socketId }),
      },
    },
    connection_closed: {
      count({ appId, code }) {
        webSocket.connectionsActive.dec({ app_id: appId });
        webSocket.connectionsClosedTotal.inc({ app_id: appId, code: closeCodeLabel(code) });
      },
      log: {
        level: "debug",
        message: "connection closed",
        fields: ({ appId, socketId, code }) => ({ app_id: appId, socket_id: socketId, code }),
      },
    },
    handshake_refused: {
      isRefusal: true,
      count: ({ appId, reason }) =>
        webSocket.handshakesRefusedTotal.inc({ app_id: appId ?? "", reason }),
      log: {
        level: "warn",
        message: "WebSocket connection refused",
        fields: ({ appId, reason, sent }) => ({
          app_id: appId,
          reason,
          ...(sent !== null && { sent: cut(sent) }),
        }),
        hint: ({ reason }) => handshakeHints[reason],
        throttle: ({ appId, reason }) =>
          handshakeHints[reason] === undefined ? null : `${appId} ${reason}`,
      },
    },
    handshake_misdirected: {
      isRefusal: true,
      log: {
        level: "warn",
        message: "a WebSocket handshake arrived that can't be taken for one",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: ({ reason }) => misdirections[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
    subscription_added: {
      count: ({ appId }) => webSocket.subscriptionsActive.inc({ app_id: appId }),
      log: { level: "debug", message: "subscribed", fields: subscriptionFields },
    },
    subscription_removed: {
      count: ({ appId }) => webSocket.subscriptionsActive.dec({ app_id: appId }),
      log: { level: "debug", message: "unsubscribed", fields: subscriptionFields },
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
        webSocket.broadcastsTotal.of(appId).add(1);
        webSocket.deliveriesTotal.of(appId).add(recipients);
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
    connection_cut: {
      count: ({ appId, reason }) =>
        webSocket.connectionsCutTotal.inc({ app_id: appId ?? "", reason }),
      log: {
        level: "warn",
        message: "too much memory waits for slow clients: the connections with the most are cut",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: "raise POGO_OUTBOUND_TOTAL_BYTES, lower POGO_OUTBOUND_QUEUE_BYTES, or publish less to clients that can't keep up",
        throttle: ({ reason }) => reason,
      },
    },
    error_sent: {
      isRefusal: true,
      count: ({ appId, code, reason }) =>
        webSocket.errorsSentTotal
          .of(appId ?? "")
          .of(code)
          .of(reason)
          .add(1),
      log: {
        level: "info",
        message: "an error was sent to a client",
        fields: ({ appId, code, reason }) => ({ app_id: appId, code, reason }),
        hint: ({ reason }) => errorHints[reason],
        throttle: ({ appId, reason }) =>
          errorHints[reason] === undefined ? null : `${appId} ${reason}`,
      },
    },
    authorization_refused: {
      isRefusal: true,
      count({ appId, reason }) {
        webSocket.authFailuresTotal.of(appId).of(reason).add(1);
        if (reason === "circuit_open") authorizer.circuitBreakerOpenTotal.inc();
      },
      log: {
        level: "debug",
        message: "subscription or signin refused",
        fields: ({ appId, socketId, channel, reason }) => ({
          app_id: appId,
          socket_id: socketId,
          channel,
          reason,
        }),
        hint: ({ reason }) => refusalHint(reason),
      },
    },
    // Counted as an authorization that was refused.
    signature_missing: {
      isRefusal: true,
      log: {
        level: "warn",
        message: "subscription or signin refused: it has no signature, and there is no app to ask",
        fields: ({ appId }) => ({ app_id: appId }),
        hint: "give the page's Echo an authEndpoint whose answer is signed, or set POGO_UPSTREAM to the app, so that the sidecar asks it",
        throttle: ({ appId }) => appId,
      },
    },
    client_signature_refused: {
      isRefusal: true,
      log: {
        level: "warn",
        message: "subscription or signin refused: its signature does not verify",
        fields: ({ appId, fault, sentKey }) => ({
          app_id: appId,
          fault,
          ...(sentKey !== null && { sent_app_key: cut(sentKey) }),
        }),
        hint: ({ fault }) => signatureHints[fault],
        throttle: ({ appId, fault }) => `${appId} ${fault}`,
      },
    },
  };
}

function subscriptionFields(subscription: WebSocketEvents["subscription_added"]) {
  const { appId, socketId, channel } = subscription;
  return { app_id: appId, socket_id: socketId, channel };
}

function cut(sent: string): string {
  return sent.slice(0, maxSentLength);
}
