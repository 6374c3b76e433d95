/**
 * What passes through, bodies and WebSockets of the app, is read in turns: so much in one turn of the event loop, of however
 * many connections, and one visitor after the other. Node reads up to 2 MiB of each before anybody else has a turn.
 */

import type { IncomingMessage } from "node:http";

/** What has bytes to come. */
export interface Source {
  /** Reads no further; what was read already may still come. */
  pause(): unknown;
  resume(): unknown;
}

/** What may be read in a turn, in what it costs: its bytes, and for each piece as much as so many bytes more. */
const maxTurnCost = 262_144;
const pieceCost = 1_024;

export class ReadTurns {
  readonly #schedule: (run: () => void) => void;
  /** Who waits to be read, by visitor; the first one of the first visitor is next. */
  readonly #waiting = new Map<string, Set<Reading>>();
  /** In this turn; what was more than its share is paid for by those that follow. */
  #spent = 0;
  #isScheduled = false;

  /** @param schedule runs its argument on a later turn of the event loop */
  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  /** @returns false: nothing more is to be read in this turn of whoever was read. */
  spend(cost: number): boolean {
    this.#spent += cost;
    this.#scheduleTurn();
    return this.#spent < maxTurnCost && this.#waiting.size === 0;
  }

  add(reading: Reading): void {
    const { visitor } = reading;
    const readings = this.#waiting.get(visitor) ?? new Set();
    this.#waiting.set(visitor, readings.add(reading));
    this.#scheduleTurn();
  }

  remove(reading: Reading): void {
    const { visitor } = reading;
    const readings = this.#waiting.get(visitor);
    if (readings?.delete(reading) && readings.size === 0) this.#waiting.delete(visitor);
  }

  #scheduleTurn(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#spent = Math.max(0, this.#spent - maxTurnCost);
    for (let expected = this.#spent; expected < maxTurnCost;) {
      const next = this.#shift();
      if (!next) break;
      expected += next.expectedCost;
      next.goOn();
    }
    if (this.#waiting.size > 0 || this.#spent > 0) this.#scheduleTurn();
  }

  #shift(): Reading | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [visitor, readings] = first;
    const [next] = readings;
    if (next) readings.delete(next);
    // Who has more waiting is behind the others then.
    this.#waiting.delete(visitor);
    if (readings.size > 0) this.#waiting.set(visitor, readings);
    return next;
  }
}

const ofTheNode = new ReadTurns((run) => void setImmediate(run));

/** One connection that is read in turns; it begins as one that is being read. */
export class Reading {
  readonly visitor: string;
  readonly #source: Source;
  readonly #turns: ReadTurns;
  #state: "going" | "waiting" | "stopped" = "going";
  #isBlocked = false;
  /** Of what was read since it last went on. */
  #cost = 0;

  /** @param visitor as `visitorOf` gives it; those of whom it is not known share a place among the visitors. */
  constructor(source: Source, visitor = "", turns: ReadTurns = ofTheNode) {
    this.#source = source;
    this.visitor = visitor;
    this.#turns = turns;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** So much as it cost the last time. */
  get expectedCost(): number {
    return Math.max(this.#cost, pieceCost);
  }

  /** To be called for each piece that comes. */
  took(piece: Uint8Array): void {
    if (this.#state === "stopped") return;
    const cost = piece.length + pieceCost;
    this.#cost += cost;
    const mayGoOn = this.#turns.spend(cost);
    if (mayGoOn || this.#state !== "going") return;
    this.#source.pause();
    this.#wait();
  }

  /** Nothing more is read until `unblock`: whoever gets it has enough. */
  block(): void {
    if (this.#isBlocked || this.#state === "stopped") return;
    this.#isBlocked = true;
    this.#source.pause();
  }

  /** It goes on when it is its turn. */
  unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    if (this.#state === "going") this.#wait();
  }

  /** Nothing more is counted, and it goes on without us; where a source outlives what is read of it. */
  stop(): void {
    const isPaused = this.#isBlocked || this.#state === "waiting";
    if (this.#state === "waiting") this.#turns.remove(this);
    this.#state = "stopped";
    this.#isBlocked = false;
    if (isPaused) this.#source.resume();
  }

  /** Its turn has come. */
  goOn(): void {
    this.#state = "going";
    if (this.#isBlocked) return;
    this.#cost = 0;
    this.#source.resume();
  }

  #wait(): void {
    this.#state = "waiting";
    this.#turns.add(this);
  }
}

/** The body of a request: nothing is read of its connection behind what Node was given already. */
export function bodyOf(req: IncomingMessage): Source {
  const { socket } = req;
  /** Behind a whole body the client is watched, as ever. Node would read ahead, twice as much as came. */
  const leaveUnread = (): void => {
    if (!req.complete) socket.pause();
  };
  return {
    pause() {
      leaveUnread();
      socket.off("resume", leaveUnread);
      socket.on("resume", leaveUnread);
    },
    resume() {
      socket.off("resume", leaveUnread);
      socket.resume();
    },
  };
}
