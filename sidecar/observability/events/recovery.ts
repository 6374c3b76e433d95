/** Events of clients that were away. */

import type { GapReason, RecoveryEvents } from "../../core/report/recovery.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

const gapHints: Readonly<Record<GapReason, string>> = {
  bounds:
    "raise POGO_RECOVERY_MAX_EVENTS and POGO_RECOVERY_MAX_BYTES if there is memory for it, or have the page fetch anew when it gets pogo:gap",
  ambiguous:
    "several tabs share one cookie: give each page a token of its own (wsPath: '/r/' + crypto.randomUUID() in Echo's options)",
  dropped:
    "the client read too slowly before it went away; the page can fetch anew when it gets pogo:gap",
};

export function recoveryRows({ recovery }: Metrics): Rows<keyof RecoveryEvents> {
  return {
    recovery_session: {
      count: ({ appId, outcome }) => recovery.sessionsTotal.inc({ app_id: appId, outcome }),
    },
    recovery_replayed: {
      count: ({ appId, events }) => recovery.replayedTotal.inc({ app_id: appId }, events),
    },
    recovery_gap: {
      isRefusal: true,
      count: ({ appId, reason }) => recovery.gapsTotal.inc({ app_id: appId, reason }),
      log: {
        level: "warn",
        message: "a client that came back can't be sent all that it missed: it gets pogo:gap",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: ({ reason }) => gapHints[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
    recovery_token_shared: {
      log: {
        level: "warn",
        message: "pages share a recovery token: what each has missed can't be said",
        fields: ({ appId }) => ({ app_id: appId }),
        hint: "the token in wsPath is to be made by each page anew: wsPath: '/r/' + crypto.randomUUID()",
        throttle: ({ appId }) => appId,
      },
    },
    recovery_state_restored: {
      log: {
        level: "info",
        message: "clients of the node before this one may come back to what they had",
        fields: ({ sessions }) => ({ sessions }),
      },
    },
    recovery_state_failed: {
      log: {
        level: "warn",
        message: "clients can't be handed from one node to the next: they begin anew",
        fields: ({ step, reason }) => ({ step, reason }),
        hint: "POGO_RECOVERY_STATE_DIR must be a directory in which this user can write, and which stays when the process ends",
      },
    },
  };
}
