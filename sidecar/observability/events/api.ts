/** Events of the HTTP API. */

import type { PublishFault } from "../../core/ports.ts";
import type { BrokerDropReason } from "../../core/report/broker.ts";
import type { ApiEvents } from "../../core/report/api.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";
import { publishHints, redisPublishHints } from "./hints.ts";

/** What a caller sent is not logged longer than this. */
const maxSentLength = 64;

/** The refusals that are the broker's, in its own words. */
const dropReasons: Readonly<Partial<Record<PublishFault, BrokerDropReason>>> = {
  broker_queue_full: "queue_full",
  broker_failed: "failed",
};

export function apiRows({ webSocket, api, broker, hotPath }: Metrics): Rows<keyof ApiEvents> {
  return {
    api_request_finished: {
      count({ route, status, durationMs }) {
        api.requestsTotal.of(route).of(status).add(1);
        api.requestDurationSeconds.observe({ route }, durationMs / 1000);
      },
    },
    messages_published: {
      count({ appId, messages, validateMs, brokerMs }) {
        webSocket.messagesTotal.of(appId).add(messages);
        if (!hotPath) return;
        const { publishDurationSeconds } = hotPath;
        publishDurationSeconds.observe({ phase: "validate" }, validateMs / 1000);
        publishDurationSeconds.observe({ phase: "broker" }, brokerMs / 1000);
        publishDurationSeconds.observe({ phase: "total" }, (validateMs + brokerMs) / 1000);
      },
    },
    publish_refused: {
      isRefusal: true,
      count({ appId, reason }) {
        api.publishFailuresTotal.inc({ app_id: appId, reason });
        const dropped = dropReasons[reason];
        if (dropped) broker.droppedMessagesTotal.inc({ app_id: appId, reason: dropped });
      },
      log: {
        level: "warn",
        message: "publish refused",
        fields: ({ appId, reason, isFromRedis }) => ({
          app_id: appId,
          reason,
          ...(isFromRedis && { from: "redis" }),
        }),
        hint: ({ reason, isFromRedis }) =>
          (isFromRedis && redisPublishHints[reason]) || publishHints[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
    api_asked_elsewhere: {
      isRefusal: true,
      log: {
        level: "warn",
        message: "API request refused: the HTTP API is served on its Unix socket only",
        hint: "if it is the app's, have it publish over POGO_API_SOCKET (php artisan pogo:install --socket), or leave out POGO_API_ONLY_ON_SOCKET",
        throttle: () => "",
      },
    },
    api_app_unknown: {
      isRefusal: true,
      log: {
        level: "warn",
        message: "API request refused: no app has this id",
        fields: ({ sentAppId }) => ({ sent_app_id: sentAppId.slice(0, maxSentLength) }),
        hint: "compare REVERB_APP_ID or PUSHER_APP_ID of the caller with REVERB_APP_ID or POGO_APP_ID here",
        throttle: () => "",
      },
    },
    api_signature_refused: {
      isRefusal: true,
      count: ({ appId, reason }) => api.signaturesRefusedTotal.inc({ app_id: appId, reason }),
      log: {
        level: "warn",
        message: "API request refused: its signature does not verify",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: ({ reason }) => signatureHints[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
    api_body_refused: {
      isRefusal: true,
      count: ({ appId, reason }) => api.bodiesRefusedTotal.inc({ app_id: appId, reason }),
      log: {
        level: "warn",
        message: "API request refused: its body was not read",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: ({ reason }) => bodyHints[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
  };
}

export const signatureHints = {
  auth_key: "the caller uses another app's key: compare REVERB_APP_KEY or PUSHER_APP_KEY",
  auth_version: "the caller signs with another version than 1.0",
  auth_timestamp: "compare the clocks of the caller and of this machine",
  auth_signature: "compare the app's secret on both sides; does a proxy change path or query?",
  body_md5: "the body was changed on the way: does a proxy rewrite it?",
};

const unverified =
  "bodies without body_md5 in the query are kept unverified; SDKs send it, so look at who sends these";
export const bodyHints = {
  too_slow: "it took longer than POGO_API_BODY_TIMEOUT to arrive",
  node_budget: `POGO_MAX_UNVERIFIED_BODY_BYTES is used up: ${unverified}`,
  visitor_budget: `one client IP has used a quarter of POGO_MAX_UNVERIFIED_BODY_BYTES: ${unverified}`,
};
