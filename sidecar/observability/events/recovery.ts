/** Events of clients that were away. */

import type { DirectoryProblem, GapReason, RecoveryEvents } from "../../core/report/recovery.ts";
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

const directoryHints: Readonly<Record<DirectoryProblem, (directory: string) => string>> = {
  missing: (directory) =>
    `there is no such directory: make it as the user that runs the sidecar (mkdir -p -m 700 ${directory}), or have the system make it (systemd: StateDirectory=; a container: a volume)`,
  no_directory: (directory) =>
    `${directory} is a file, or lies below one: POGO_RECOVERY_STATE_DIR names a directory`,
  not_writable: (directory) =>
    `the user that runs the sidecar may not write there: chown it to that user (chown pogo ${directory}), and have it mounted to be written`,
  unusable: () => directoryHint,
};

const directoryHint =
  "POGO_RECOVERY_STATE_DIR must be a directory in which this user can write, and which stays when the process ends";

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
    recovery_authorization: {
      count: ({ appId, outcome }) => recovery.authorizationsTotal.inc({ app_id: appId, outcome }),
      log: {
        level: "debug",
        message: "a page asked for a channel at the auth endpoint",
        fields: ({ appId, socketId, channel, outcome }) => ({
          app_id: appId,
          socket_id: socketId,
          channel,
          outcome,
        }),
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
    recovery_directory_unusable: {
      log: {
        level: "warn",
        message:
          "POGO_RECOVERY_STATE_DIR can't be written: what clients miss over the next restart is lost to them",
        fields: ({ directory, problem, reason }) => ({ directory, problem, reason }),
        hint: ({ problem, directory }) => directoryHints[problem](directory),
      },
    },
    recovery_state_failed: {
      log: {
        level: "warn",
        message: "what clients missed over a restart is lost to them: its file could not be used",
        fields: ({ step, reason }) => ({ step, reason }),
        hint: directoryHint,
      },
    },
  };
}
