/**
 * One app's life with Redis: a heartbeat a second, and the way back after every loss, in the order in which nothing is
 * missed: listen again, tell Redis what this node holds, read who is where, read what was published meanwhile.
 */

import type { Report } from "../../core/report.ts";
import type { RedisClock } from "./clock.ts";
import type { EventLog } from "./event-log.ts";
import { parseHeartbeatReply, parseHeld, type HeartbeatReply } from "./heartbeat.ts";
import type { Holdings } from "./holdings.ts";
import { controlChannel, echoChannelOf } from "./keys.ts";
import { Nodes } from "./nodes.ts";
import type { RedisPresence } from "./presence.ts";
import { ReturningNodes } from "./returning-nodes.ts";
import { claim, heartbeat, register } from "./scripts/holdings.ts";
import type { RunScript } from "./scripts/script.ts";
import type { SubscriberLink } from "./subscriber-link.ts";
import type { Topics } from "./topics.ts";

export interface SessionOptions {
  readonly nodeId: string;
  readonly run: RunScript;
  readonly link: SubscriberLink;
  readonly topics: Topics;
  readonly holdings: Holdings;
  readonly presence: RedisPresence;
  readonly log: EventLog;
  readonly clock: RedisClock;
  readonly nodeLeaseMs: number;
  /** After which a heartbeat's echo is not waited for any more. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly newId: () => string;
  readonly onState: (isUp: boolean) => void;
  /** What is wrong, where nobody else says it. */
  readonly explain: (error: string) => void;
  readonly appId: string;
  readonly report: Report;
}

/** How soon it is tried again while Redis is lost. */
const retryMs = 250;
const longestHeartbeatMs = 1_000;
/** Messages of one publish arrive twice within less. */
const forgetAfterMs = 30_000;

export class Session {
  readonly #options: SessionOptions;
  readonly #heartbeatMs: number;
  readonly #nodes: Nodes;
  readonly #returning: ReturningNodes;
  #state: "down" | "restoring" | "up" = "down";
  #epoch: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  #isClosed = false;
  #forgotMs = 0;
  /** Losses so far: what has begun before one is not to end as if there had been none. */
  #losses = 0;
  #sessions = 0;
  /** The echo that is waited for. */
  #awaited: { readonly echo: string; readonly resolve: (isHeard: boolean) => void } | null = null;

  constructor(options: SessionOptions) {
    const { nodeLeaseMs } = options;
    this.#options = options;
    this.#heartbeatMs = Math.min(longestHeartbeatMs, nodeLeaseMs / 5);
    // Found out within the lease, though looked at only once a heartbeat.
    this.#nodes = new Nodes(nodeLeaseMs - 2 * this.#heartbeatMs);
    this.#returning = new ReturningNodes(nodeLeaseMs);
    this.#schedule(0);
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Nodes of this app that were seen alive, this one included. */
  get nodeCount(): number {
    return this.#nodes.count;
  }

  /** Redis can be had again, perhaps. */
  wake(): void {
    if (this.#state !== "up" && !this.#underWay) this.#schedule(0);
  }

  /** Redis can't be had, or something it should know it does not. Comes back by itself. */
  lose(): void {
    this.#losses += 1;
    if (this.#state === "down" || this.#isClosed) return;
    const { presence, holdings, topics } = this.#options;
    const wasUp = this.#state === "up";
    this.#state = "down";
    this.#returning.lose(this.#nodes.names);
    this.#nodes.forget();
    holdings.close();
    topics.disconnect();
    presence.unsettle();
    if (wasUp) this.#options.onState(false);
    if (!this.#underWay) this.#schedule(retryMs);
  }

  /** The echo of a heartbeat has arrived. */
  hear(echo: string): void {
    if (this.#awaited?.echo === echo) this.#awaited.resolve(true);
  }

  /** A node is known to Redis from now on. */
  meet(node: string): void {
    this.#nodes.meet(node, this.#options.now());
  }

  /** Gives up all that this node holds, in order; harmless if Redis is lost. */
  async leave(): Promise<void> {
    this.close();
    await this.#underWay;
    try {
      for (let step = 1; step === 1;) step = await this.#claim(this.#options.nodeId, "");
    } catch {
      // Another node takes them after the lease.
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#underWay ??= this.#go();
    }, delayMs);
  }

  async #go(): Promise<void> {
    const nextMs = await this.#sendHeartbeat();
    this.#underWay = null;
    this.#schedule(this.isUp ? nextMs : retryMs);
  }

  /** Returns how soon the next one should follow. */
  async #sendHeartbeat(): Promise<number> {
    try {
      if (!this.#options.link.isReady) throw new Error("not connected");
      return await this.#heartbeatOnce();
    } catch {
      this.lose();
      return retryMs;
    }
  }

  async #heartbeatOnce(): Promise<number> {
    const { run, nodeId, newId, link, log, clock, presence, now, explain } = this.#options;
    const echo = newId();
    const heard = this.#hear(echo);
    const hasSynced = Number(this.isUp);
    const reply = parseHeartbeatReply(await run(heartbeat, nodeId, echo, newId(), hasSynced));
    clock.learn(reply.redisMs, now());
    presence.tellFacts(reply.due.map((field) => `-${field}`));
    const isSame = reply.isKnown && reply.epoch === this.#epoch;
    if (this.#state !== "up" || !isSame) {
      await this.#restore(reply);
      // That all is registered is said at once: others wait for it.
      return 0;
    }

    // What was published before this heartbeat has come before its echo; and what comes here is what is published there.
    const losses = this.#losses;
    if (!(await heard)) {
      explain("what is published does not arrive");
      link.reset();
      throw new Error("what is published does not arrive");
    }
    if (losses === this.#losses) log.advance(reply.lastEntry);
    const nowMs = now();
    if (nowMs - this.#forgotMs > forgetAfterMs) {
      this.#forgotMs = nowMs;
      log.forgetOld();
    }
    if (this.#returning.isOver(reply.nodes, nowMs)) presence.settle();
    for (const { node, text } of this.#nodes.watch(reply.nodes, nowMs)) {
      if (node !== nodeId) await this.#takeOver(node, text);
    }
    return reply.hasMoreDue ? 0 : this.#heartbeatMs;
  }

  /** False if it has not been heard in time. */
  #hear(echo: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#awaited?.resolve(false);
    this.#awaited = { echo, resolve };
    const timer = setTimeout(() => resolve(false), this.#options.timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  }

  async #restore(reply: HeartbeatReply): Promise<void> {
    const { run, nodeId, topics, holdings, presence, log, now, nodeLeaseMs } = this.#options;
    // Redis has forgotten this node while the links were whole.
    if (this.#state === "up") {
      this.#options.explain("Redis has forgotten this node: it was emptied, or took it for dead");
      this.lose();
    }
    const losses = this.#losses;
    const isFirst = this.#epoch === null;
    this.#state = "restoring";
    void topics.want(controlChannel);
    void topics.want(echoChannelOf(nodeId));
    await topics.connect();
    this.#sessions += 1;
    const stored = parseHeld(await run(register, nodeId, this.#sessions));
    await holdings.open({
      session: this.#sessions,
      stored,
      isEmptied: !isFirst && reply.epoch !== this.#epoch,
      missedWithinMs: nodeLeaseMs,
    });
    // What was read before it was listened to may have changed since.
    presence.unsettle();
    await presence.reload(() => {
      if (losses !== this.#losses) throw new Error("lost meanwhile");
      this.#state = "up";
    });
    this.#epoch = reply.epoch;
    // Others may still be on their way back: only then is it known who has left.
    if (isFirst) presence.settle();
    else this.#returning.begin(reply.nodes, now());
    if (isFirst) log.advance(reply.lastEntry);
    await log.replay();
    if (losses !== this.#losses) throw new Error("lost meanwhile");
    this.#options.onState(true);
  }

  async #takeOver(node: string, seen: string): Promise<void> {
    let step = await this.#claim(node, seen);
    const { appId, report } = this.#options;
    if (step !== -1) report({ kind: "node_taken_over", appId, nodeId: node });
    while (step === 1) step = await this.#claim(node, seen);
  }

  /** Has Redis give up some of what a node holds, and tells the facts. 1: there is more; 0: not; -1: it was not to be done. */
  async #claim(node: string, seen: string): Promise<number> {
    const reply = await this.#options.run(claim, node, seen);
    const [step, facts]: unknown[] = Array.isArray(reply) ? reply : [];
    this.#options.presence.tellFacts(facts);
    return Number(step);
  }
}
