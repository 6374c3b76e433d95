/**
 * Finds connections that fell silent, pings them, and gives up those that don't answer (rules H01–H05).
 *
 * A wheel: every connection lies in the slot of the time at which it may first be due, so that one timer serves
 * all, and a tick touches only those whose time has come. Whoever was heard meanwhile moves to a later slot.
 */

export interface HeartbeatOptions {
  /** Milliseconds of silence after which `ping` is called. */
  readonly pingPeriodMs: number;
  /** Milliseconds of silence, after a ping, after which `expire` is called. */
  readonly pongWaitMs: number;
}

/** A monitored connection; its owner keeps `lastReceivedMs` up to date. */
export interface Monitored {
  readonly heartbeat: HeartbeatOptions;
  lastReceivedMs: number;
  /** Its slot; managed by the wheel. */
  slot: number;
  ping(): void;
  expire(): void;
}

/** Granularity of the wheel. */
const slotMs = 100;

export class Heartbeat {
  readonly #slots = new Map<number, Set<Monitored>>();
  readonly #pingedAtMs = new Map<Monitored, number>();
  #nextSlot: number;

  constructor(nowMs: number) {
    this.#nextSlot = Math.floor(nowMs / slotMs);
  }

  watch(monitored: Monitored): void {
    this.#place(monitored, monitored.lastReceivedMs + monitored.heartbeat.pingPeriodMs);
  }

  forget(monitored: Monitored): void {
    this.#pingedAtMs.delete(monitored);
    this.#slots.get(monitored.slot)?.delete(monitored);
  }

  /** Checks all whose time has come; to be called every second or so. */
  tick(nowMs: number): void {
    const currentSlot = Math.floor(nowMs / slotMs);
    for (; this.#nextSlot <= currentSlot; this.#nextSlot++) {
      const due = this.#slots.get(this.#nextSlot);
      this.#slots.delete(this.#nextSlot);
      for (const monitored of due ?? []) this.#check(monitored, nowMs);
    }
  }

  #check(monitored: Monitored, nowMs: number): void {
    const { pingPeriodMs, pongWaitMs } = monitored.heartbeat;
    const { lastReceivedMs } = monitored;
    const pingedAtMs = this.#pingedAtMs.get(monitored);
    const isAnswered = pingedAtMs !== undefined && lastReceivedMs >= pingedAtMs;
    if (pingedAtMs === undefined || isAnswered) {
      this.#pingedAtMs.delete(monitored);
      if (nowMs - lastReceivedMs < pingPeriodMs) {
        return this.#place(monitored, lastReceivedMs + pingPeriodMs);
      }
      // The time to answer starts with the ping: a node that was suspended must not take its clients for dead.
      this.#pingedAtMs.set(monitored, nowMs);
      this.#place(monitored, nowMs + pongWaitMs - pingPeriodMs);
      return monitored.ping();
    }
    const dueMs = pingedAtMs + pongWaitMs - pingPeriodMs;
    if (nowMs < dueMs) return this.#place(monitored, dueMs);
    this.forget(monitored);
    monitored.expire();
  }

  #place(monitored: Monitored, dueMs: number): void {
    // Never into a slot that was checked already.
    const slot = Math.max(Math.ceil(dueMs / slotMs), this.#nextSlot + 1);
    const monitoredThere = this.#slots.get(slot) ?? new Set();
    monitoredThere.add(monitored);
    this.#slots.set(slot, monitoredThere);
    monitored.slot = slot;
  }
}
