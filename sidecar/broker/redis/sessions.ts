/** Recovery sessions of one app in Redis, so that any node may resume them: of closed connections, and of open ones. */

import type { Checkpoints, SessionStore } from "../../core/recovery/ports.ts";
import {
  encodeSession,
  mergeSessions,
  parseSession,
  usersOf,
  type Seat,
  type Session,
} from "../../core/recovery/session.ts";
import { compareEntryIds, laterEntryId } from "./entry-id.ts";
import type { LogMirror } from "./log-mirror.ts";
import type { RunScript } from "./scripts/script.ts";
import {
  forgetOpen,
  putSession,
  storeOpen,
  takeSessions,
  type FoundSessions,
} from "./scripts/sessions.ts";

export interface RedisSessionsOptions {
  readonly nodeId: string;
  readonly run: RunScript;
  readonly mirror: LogMirror;
  readonly windowMs: number;
  /** Resolves once Redis is there again, or as soon as nobody waits for it any more. */
  readonly whenUp: () => Promise<void>;
  /** Resolves after so long. */
  readonly wait: (ms: number) => Promise<void>;
}

/** How often it is looked for what another node has ended; then what that one stored last is good enough. */
const looks = 10;
const lookEveryMs = 100;

export class RedisSessions implements SessionStore {
  readonly #options: RedisSessionsOptions;
  readonly checkpoints: Checkpoints;
  /** They are kept in Redis. */
  readonly size = 0;

  constructor(options: RedisSessionsOptions) {
    this.#options = options;
    const { run, nodeId, windowMs } = options;
    this.checkpoints = {
      store: (sessions, position, done) =>
        void answer(run(storeOpen, nodeId, windowMs, position, sessions), done),
      forget: (token) => void answer(run(forgetOpen, nodeId, token), () => undefined),
      onClaimed: () => undefined,
    };
  }

  put(token: string, session: Session, done: (isKept: boolean) => void): void {
    void this.#putAndSay(token, encodeSession(session), done);
  }

  take(token: string, done: (session: Session | null) => void): void {
    void this.#takeInto(token, done);
  }

  /** Terminations stand in the log, which whoever takes a session looks through. */
  terminate(): void {}

  /** Redis ends them. */
  tick(): void {}

  async #takeInto(token: string, done: (session: Session | null) => void): Promise<void> {
    done(await this.#take(token).catch(() => null));
  }

  async #take(token: string): Promise<Session | null> {
    const session = await this.#find(token);
    if (!session) return null;
    const users = usersOf(session);
    const [earliest] = [...session.seats.values()]
      .filter(({ gap }) => gap === null)
      .map((seat) => seat.earliest)
      .toSorted(compareEntryIds);
    if (users.size === 0) return session;
    // Who is given nothing but gaps has nothing to be refused but a grant.
    const wasTerminated =
      earliest === undefined ? null : await this.#options.mirror.wasTerminated(users, earliest);
    if (wasTerminated) return null;
    return wasTerminated === null ? { ...session, grant: null } : session;
  }

  async #putAndSay(token: string, session: string, done: (isKept: boolean) => void): Promise<void> {
    done(await this.#put(token, session).catch(() => false));
  }

  /** What is still stored of an open page would count as received what comes from now on. */
  #put(token: string, session: string): Promise<boolean> {
    const { run, nodeId, windowMs } = this.#options;
    return this.#tryTwice((isAgain) => run(putSession, nodeId, token, session, windowMs, isAgain));
  }

  /** A moment without Redis does not make a new client of one that comes back. */
  #look(token: string, isLast: boolean): Promise<FoundSessions> {
    const { run, nodeId } = this.#options;
    return this.#tryTwice(() => run(takeSessions, nodeId, token, isLast));
  }

  /** The second time once Redis is there again. */
  async #tryTwice<T>(attempt: (isAgain: boolean) => Promise<T>): Promise<T> {
    try {
      return await attempt(false);
    } catch {
      // Until then it is known that it is lost.
      await this.#options.wait(lookEveryMs);
      await this.#options.whenUp();
      return attempt(true);
    }
  }

  async #find(token: string): Promise<Session | null> {
    const { wait } = this.#options;
    for (let look = 1; ; look++) {
      const found = await this.#look(token, look >= looks);
      if (found.kind === "open") {
        await wait(lookEveryMs);
        continue;
      }
      if (found.kind === "stored") return advance(parseSession(found.session), found.position);
      const [first, ...others] = found.sessions.flatMap((text) => parseSession(text) ?? []);
      return first ? others.reduce((a, b) => mergeSessions(a, b, compareEntryIds), first) : null;
    }
  }
}

/** Whoever had received less counts as having received all up to there. */
function advance(session: Session | null, position: string | null): Session | null {
  if (!session || position === null) return session;
  const toThere = (seat: Seat): Seat => {
    const there = laterEntryId(seat.position, position);
    return { ...seat, position: there, earliest: there };
  };
  const seats = [...session.seats].map(([channel, seat]) => [channel, toThere(seat)] as const);
  return { ...session, seats: new Map(seats) };
}

async function answer(
  outcome: Promise<unknown>,
  done: (isFulfilled: boolean) => void,
): Promise<void> {
  try {
    await outcome;
  } catch {
    return done(false);
  }
  done(true);
}
