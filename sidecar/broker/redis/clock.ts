/** The clock of Redis as seen from here, to tell Redis until when a command is still wanted. */

export class RedisClock {
  #offsetMs: number | null = null;

  /** Redis said `redisMs` at some time up to now. */
  learn(redisMs: number, nowMs: number): void {
    this.#offsetMs = redisMs - nowMs;
  }

  /** A time of Redis' clock that has passed for certain when this node's says `nowMs`; null before anything was learnt. */
  toRedis(nowMs: number): number | null {
    return this.#offsetMs === null ? null : Math.floor(nowMs + this.#offsetMs);
  }

  /** This node's time when Redis' clock said `redisMs`, or somewhat later; null before anything was learnt. */
  fromRedis(redisMs: number): number | null {
    return this.#offsetMs === null ? null : redisMs - this.#offsetMs;
  }
}
