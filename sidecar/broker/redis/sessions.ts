/** Sessions of one app in Redis, so that any node may go on with them. */

import { memberKey } from "../../core/presence.ts";
import type { SessionStore } from "../../core/recovery/ports.ts";
import {
  mergeSessions,
  parseSession,
  encodeSession,
  type Session,
} from "../../core/recovery/session.ts";
import { compareEntryIds } from "./entry-id.ts";
import type { LogMirror } from "./log-mirror.ts";
import type { RunScript } from "./scripts/script.ts";
import { putSession, takeSessions } from "./scripts/sessions.ts";

export class RedisSessions implements SessionStore {
  readonly #run: RunScript;
  readonly #mirror: LogMirror;
  readonly #windowMs: number;
  /** They are kept in Redis. */
  readonly size = 0;

  constructor(options: { run: RunScript; mirror: LogMirror; windowMs: number }) {
    this.#run = options.run;
    this.#mirror = options.mirror;
    this.#windowMs = options.windowMs;
  }

  put(token: string, session: Session, done: (isKept: boolean) => void): void {
    void this.#put(token, session, done);
  }

  take(token: string, done: (session: Session | null) => void): void {
    void this.#takeInto(token, done);
  }

  /** Terminations stand in the log, which whoever takes a session looks through. */
  terminate(): void {}

  /** Redis ends them. */
  tick(): void {}

  async #put(token: string, session: Session, done: (isKept: boolean) => void): Promise<void> {
    const stored = this.#run(putSession, token, encodeSession(session), this.#windowMs);
    done(await isFulfilled(stored));
  }

  async #takeInto(token: string, done: (session: Session | null) => void): Promise<void> {
    done(await this.#take(token).catch(() => null));
  }

  async #take(token: string): Promise<Session | null> {
    const sessions = (await this.#run(takeSessions, token)).flatMap(
      (text) => parseSession(text) ?? [],
    );
    const [first, ...others] = sessions;
    if (!first) return null;
    const session = others.reduce((a, b) => mergeSessions(a, b, compareEntryIds), first);
    const users = usersOf(session);
    const [earliest] = [...session.seats.values()]
      .filter(({ gap }) => gap === null)
      .map((seat) => seat.earliest)
      .toSorted(compareEntryIds);
    // Who is given nothing but gaps has nothing to be refused.
    if (users.size === 0 || earliest === undefined) return session;
    return (await this.#mirror.wasTerminated(users, earliest)) ? null : session;
  }
}

async function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    return false;
  }
}

function usersOf({ userId, seats }: Session): ReadonlySet<string> {
  const users = new Set<string>();
  if (userId !== null) users.add(userId);
  for (const { member } of seats.values()) if (member) users.add(memberKey(member));
  return users;
}
