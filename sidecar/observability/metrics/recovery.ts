/** Metrics of clients that were away, and of what they missed. */

import type { GapReason, ReturnOutcome, SessionOutcome } from "../../core/report/recovery.ts";
import type { Define } from "../metric.ts";
import { app } from "./labels.ts";

const outcomes = {
  kept: "a connection ended whose client may come back",
  resumed: "the client came back in time",
  ambiguous: "the client came back, and shares a cookie with other tabs that were away too",
  refused: "somebody else came with its token: another user, who is given nothing of it",
  expired: "the client did not come back within POGO_RECOVERY_WINDOW",
  evicted: "there was no room for it, Redis did not take it, or its user was terminated",
} satisfies Record<SessionOutcome, string>;

const gapReasons = {
  bounds:
    "more was published than POGO_RECOVERY_MAX_EVENTS, POGO_RECOVERY_MAX_BYTES or the log keep, or than fits into POGO_OUTBOUND_QUEUE_BYTES",
  ambiguous: "tabs that share a cookie were at different places: give each page a token",
  dropped: "the client read so slowly that frames for it had been dropped",
} satisfies Record<GapReason, string>;

const returnOutcomes = {
  answered: "the sidecar answered: the app had granted the page this channel before it was away",
  not_granted:
    "the app was asked: the page comes for the first time, or is back too late, without its cookie, or after the app's answer went through another node",
  other_credentials:
    "the app was asked: the page is back with another Authorization, or a cookie is gone",
  other_origin:
    "the app was asked: the page's origin is not this host. Has a proxy in front changed Host?",
} satisfies Record<ReturnOutcome, string>;

export function recoveryMetrics({ counter, reading }: Define) {
  return {
    sessions: reading({
      name: "pogo_websocket_recovery_sessions",
      help: "Clients that are away and may come back, as this node keeps them; with Redis they are kept there, and this is 0.",
      unit: "sessions",
      moves: "Read at each scrape.",
      action: "Nothing by itself; POGO_MAX_CONNECTIONS bounds it.",
      labels: { app_id: app },
    }),
    sessionsTotal: counter({
      name: "pogo_websocket_recovery_sessions_total",
      help: "What became of the sessions of clients that were away, by outcome.",
      unit: "sessions",
      moves: "With each connection that ends so that its client may come back, and when it does.",
      action:
        "Compare resumed with kept after a deploy; many expired are pages that were closed, or clients without a token or cookie.",
      labels: { app_id: app, outcome: outcomes },
    }),
    replayedTotal: counter({
      name: "pogo_websocket_recovery_events_total",
      help: "Events that clients were sent when they came back, since they had missed them.",
      unit: "events",
      moves: "With each event and client, at the subscribe that follows a reconnect.",
      action: "Nothing: these would have been lost.",
      labels: { app_id: app },
    }),
    authorizationsTotal: counter({
      name: "pogo_websocket_recovery_authorizations_total",
      help: "Questions of pages with a token at the app's auth endpoint, by outcome; with POGO_RECOVERY_AUTH alone.",
      unit: "requests",
      moves:
        "With each POST to POGO_AUTH_PATH that names a connection of such a page on this node.",
      action:
        "Compare answered with all of them after a deploy: it is what PHP was spared. The other outcomes say why not.",
      labels: { app_id: app, outcome: returnOutcomes },
    }),
    gapsTotal: counter({
      name: "pogo_websocket_recovery_gaps_total",
      help: "Channels of clients that came back and could not be sent what they had missed, by reason.",
      unit: "channels",
      moves: "With each pogo:gap that a client is sent.",
      action: "The reason names the bound; a page that listens for pogo:gap can fetch anew.",
      labels: { app_id: app, reason: gapReasons },
    }),
  };
}
