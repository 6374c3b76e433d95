/**
 * Connections of pages that each have their own token. Such a page has one connection at a time: when it opens a new
 * one, the old one is dead, even if that has gone unnoticed. So what it would leave can be stored while it is open.
 */

import type { Connection } from "../connection.ts";
import { errors } from "../errors.ts";
import type { RecoveryClient } from "./client.ts";
import type { Checkpoints, RecoveryLog } from "./ports.ts";
import { leaveSession } from "./seats.ts";
import { encodeSession } from "./session.ts";

/** Stored in one tick, sessions and their characters; more wait for the next. */
const storedPerTick = 1_000;
const lengthPerTick = 1_048_576;
/** What was sent so many ticks ago has come, as far as can be said of a node that died. */
const ticksUnderWay = 2;

/** A page that comes so soon again, and again, is not one: its token is written in the code of all. */
const soonTicks = 5;
const maxSoon = 3;

interface Page {
  readonly connection: Connection;
  readonly client: RecoveryClient;
  readonly openedTick: number;
  /** How often in a row it had come soon again. */
  readonly soon: number;
}

export interface OpenPagesOptions {
  /** A connection is about to be ended in favour of its page's new one: what it leaves is to be kept at once. */
  readonly onReplaced: (connection: Connection) => void;
  /** A token is of more than one page. */
  readonly onShared: () => void;
}

export class OpenPages {
  readonly #log: RecoveryLog;
  readonly #checkpoints: Checkpoints | null;
  readonly #pages = new Map<string, Page>();
  /** Tokens of those whose channels have changed since they were stored. */
  readonly #changed = new Set<string>();
  /** What had been delivered at the last ticks. */
  readonly #delivered: number[] = [];
  readonly #options: OpenPagesOptions;
  #tick = 0;

  constructor(log: RecoveryLog, checkpoints: Checkpoints | null, options: OpenPagesOptions) {
    this.#log = log;
    this.#options = options;
    this.#checkpoints = checkpoints;
    if (checkpoints) checkpoints.onClaimed = (token) => this.#claimed(token);
  }

  /** The page has come with this one. @returns the connection that it had until now */
  add(connection: Connection, client: RecoveryClient): RecoveryClient | null {
    const { key, isOfOnePage } = client.token;
    if (!isOfOnePage) return null;
    const before = this.#pages.get(key);
    const isSoon = before !== undefined && this.#tick - before.openedTick < soonTicks;
    const soon = isSoon ? before.soon + 1 : 0;
    // They would end each other's connections for ever.
    const isShared = soon > maxSoon;
    if (isShared) this.#options.onShared();
    else this.#replace(key);
    this.#pages.set(key, { connection, client, openedTick: this.#tick, soon });
    return isShared ? null : (before?.client ?? null);
  }

  /** It has ended. @returns whether it was the page's present one */
  remove(connection: Connection, { token: { key } }: RecoveryClient): boolean {
    if (this.#pages.get(key)?.connection !== connection) return false;
    this.#changed.delete(key);
    return this.#pages.delete(key);
  }

  /** It leaves nothing. */
  forget(key: string): void {
    this.#checkpoints?.forget(key);
  }

  /** Its channels are others than before. */
  changed({ token: { key } }: RecoveryClient): void {
    if (this.#checkpoints && this.#pages.has(key)) this.#changed.add(key);
  }

  tick(nowMs: number): void {
    this.#tick += 1;
    if (!this.#checkpoints || this.#pages.size === 0) return;
    this.#delivered.push(this.#log.delivered);
    const before = this.#delivered.length > ticksUnderWay ? this.#delivered.shift() : undefined;
    const position = before === undefined ? null : this.#log.positionAt(before);
    const sessions = this.#takeChanged(nowMs);
    this.#checkpoints.store(sessions, position, (isStored) => {
      if (isStored) return;
      for (const key of sessions.keys()) if (this.#pages.has(key)) this.#changed.add(key);
    });
  }

  #takeChanged(nowMs: number): ReadonlyMap<string, string> {
    const sessions = new Map<string, string>();
    let length = 0;
    for (const key of this.#changed) {
      if (sessions.size >= storedPerTick || length >= lengthPerTick) break;
      this.#changed.delete(key);
      const page = this.#pages.get(key);
      const how = { received: "acknowledged", nowMs, log: this.#log } as const;
      const session = page && leaveSession(page.connection, page.client, how);
      if (!session) {
        this.#checkpoints?.forget(key);
        continue;
      }
      const text = encodeSession(session);
      length += text.length;
      sessions.set(key, text);
    }
    return sessions;
  }

  /** By a node that the page has come to; by this one too, where its old connection was open here. */
  #claimed(key: string): void {
    const isNew = this.#pages.get(key)?.client.resumption?.session === null;
    if (!isNew) this.#replace(key);
  }

  #replace(key: string): void {
    const { closeCode } = errors.pongTimeout;
    const page = this.#pages.get(key);
    if (!page) return;
    // Its client may have ended it already, of which nobody here is told yet.
    this.#options.onReplaced(page.connection);
    page.connection.close(closeCode, "Replaced by a new connection");
  }
}
