/** What happens to clients that were away, and to what they missed. */

/**
 * Why a channel can't be given what it missed. `bounds`: more was published than is kept, or than the client may be
 * sent at once. `ambiguous`: tabs of one browser share a cookie, and were at different places. `dropped`: the client read
 * so slowly that frames were dropped.
 */
export type GapReason = "bounds" | "ambiguous" | "dropped";

/**
 * What became of a session. `kept`: its client may come back. `resumed`: it has. `ambiguous`: it has, and shares a cookie
 * with others that were away too. `refused`: somebody else came. `expired`: nobody came. `evicted`: there was no room for
 * it, or its user was terminated.
 */
export type SessionOutcome = "kept" | "resumed" | "ambiguous" | "refused" | "expired" | "evicted";

/**
 * What became of a page's question at the auth endpoint, with POGO_RECOVERY_AUTH. `answered`: here, in the app's place. The
 * others went to the app: `not_granted`: it comes for the first time, or goes on with nothing that counts.
 * `other_credentials`: it shows less than before, or something else. `other_origin`: it comes from a page elsewhere.
 */
export type ReturnOutcome = "answered" | "not_granted" | "other_credentials" | "other_origin";

/** What is wrong with POGO_RECOVERY_STATE_DIR. */
export type DirectoryProblem = "missing" | "no_directory" | "not_writable" | "unusable";

export interface RecoveryEvents {
  recovery_session: { appId: string; outcome: SessionOutcome };
  /** A client that is back was sent so many events of a channel that it had missed. */
  recovery_replayed: { appId: string; events: number };
  /** A client that is back can't be sent what it missed of a channel. */
  recovery_gap: { appId: string; socketId: string; channel: string; reason: GapReason };
  recovery_authorization: {
    appId: string;
    socketId: string;
    channel: string;
    outcome: ReturnOutcome;
  };
  /** Several pages have come with one token, which is to be of one page alone. */
  recovery_token_shared: { appId: string };
  /** This node goes on with so many sessions of its predecessor. */
  recovery_state_restored: { sessions: number };
  /** Nothing can be left for the successor there, as it stands at the start. `reason`: the system's words. */
  recovery_directory_unusable: { directory: string; problem: DirectoryProblem; reason: string };
  /** The file for the successor could not be written or, of the predecessor, read. `reason`: the system's words. */
  recovery_state_failed: { step: "read" | "write"; reason: string };
}
