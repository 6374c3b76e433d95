/**
 * One app's session with Redis: a heartbeat every second, and the way back after each outage, in an order in which
 * nothing is missed: subscribe again, register what this node has, read the members, read what was published meanwhile.
 */

import type { Report } from "../../core/report.ts";
import type { Availability } from "./availability.ts";
import type { RedisClock } from "./clock.ts";
import { Echo } from "./echo.ts";
import type { EventLog } from "./event-log.ts";
import { controlChannel, echoChannelOf } from "./keys.ts";
import { Nodes } from "./nodes.ts";
import type { RedisPresence } from "./presence.ts";
import type { Registrations } from "./registrations.ts";
import { ReturningNodes } from "./returning-nodes.ts";
import { heartbeat, joinCluster, type HeartbeatReply } from "./scripts/nodes.ts";
import { giveUp, type GivenUp } from "./scripts/registrations.ts";
import type { RunScript } from "./scripts/script.ts";
import type { SubscriberLink } from "./subscriber-link.ts";
import type { Topics } from "./topics.ts";

export interface SessionOptions {
  readonly appId: string;
  readonly nodeId: string;
  /** Where a browser reaches this node's admin port; null: nowhere that is known. */
  readonly adminUrl: string | null;
  readonly availability: Availability;
  readonly run: RunScript;
  readonly link: SubscriberLink;
  readonly topics: Topics;
  readonly registrations: Registrations;
  readonly presence: RedisPresence;
  readonly log: EventLog;
  readonly clock: RedisClock;
  readonly nodeLeaseMs: number;
  /** After which a heartbeat's echo is not waited for any more. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly newId: () => string;
  /** What is wrong, where nobody else says it. */
  readonly explain: (error: string) => void;
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
  readonly #echo: Echo;
  /** Redis' data since it was emptied last; null before this node has seen any. */
  #epoch: string | null = null;
  /** How often this node has joined the cluster. */
  #term = 0;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  #isClosed = false;
  #forgotMs = 0;

  constructor(options: SessionOptions) {
    const { nodeLeaseMs, availability } = options;
    this.#options = options;
    this.#heartbeatMs = Math.min(longestHeartbeatMs, nodeLeaseMs / 5);
    // Found out within the lease, though looked at only once a heartbeat.
    this.#nodes = new Nodes(options.nodeId, nodeLeaseMs - 2 * this.#heartbeatMs);
    this.#returning = new ReturningNodes(nodeLeaseMs);
    this.#echo = new Echo(options.timeoutMs);
    availability.onLost(() => {
      this.#returning.lose(this.#nodes.others);
      this.#nodes.forget();
      if (!this.#underWay) this.#schedule(retryMs);
    });
    this.#schedule(0);
  }

  /** Nodes of this app that were seen alive, this one included. */
  get nodeCount(): number {
    return this.#nodes.count;
  }

  /** No other node is there, or was when Redis was lost. False before Redis was ever there. */
  get isAlone(): boolean {
    return this.#epoch !== null && this.#nodes.others.length === 0 && this.#returning.isEmpty;
  }

  /** Redis can be had again, perhaps. */
  wake(): void {
    if (!this.#options.availability.signal && !this.#underWay) this.#schedule(0);
  }

  /** The echo of a heartbeat has arrived. */
  echoed(id: string): void {
    this.#echo.arrive(id);
  }

  /** Redis knows a node from now on. */
  nodeRegistered(node: string): void {
    this.#nodes.meet(node, this.#options.now());
  }

  /** Gives up all that this node has registered, and ends; harmless if Redis is lost. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#options.availability.close();
    clearTimeout(this.#timer);
    await this.#underWay;
    try {
      const { nodeId } = this.#options;
      while ((await this.#giveUp(nodeId, null)).outcome === "more_to_do");
    } catch {
      // Another node does it after the lease.
    }
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#underWay ??= this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    const nextMs = await this.#sendHeartbeat();
    this.#underWay = null;
    this.#schedule(this.#options.availability.signal ? nextMs : retryMs);
  }

  /** Returns how soon the next one should follow. */
  async #sendHeartbeat(): Promise<number> {
    const { run, nodeId, newId, link, clock, presence, now, availability } = this.#options;
    try {
      if (!link.isReady) throw new Error("not connected");
      const { signal } = availability;
      const echo = newId();
      const isEchoed = this.#echo.expect(echo);
      const asked = { echo, newEpoch: newId(), hasSynced: signal !== null };
      const reply = await run(heartbeat, nodeId, asked);
      clock.learn(reply.redisMs, now());
      presence.passOn(reply.due);
      const isSame = reply.isKnown && reply.epoch === this.#epoch;
      if (signal && !signal.aborted && isSame) return await this.#goOn(reply, isEchoed, signal);
      await this.#restore(reply);
      // That all is registered is said at once: others wait for it.
      return 0;
    } catch {
      availability.lose();
      return retryMs;
    }
  }

  async #goOn(
    reply: HeartbeatReply,
    isEchoed: Promise<boolean>,
    signal: AbortSignal,
  ): Promise<number> {
    const { link, log, now, explain, nodeId, presence } = this.#options;
    // What was published before this heartbeat has come before its echo; and what comes here is what is published there.
    if (!(await isEchoed)) {
      explain("what is published does not arrive");
      link.reset();
      throw new Error("what is published does not arrive");
    }
    signal.throwIfAborted();
    log.advance(reply.lastEntry);
    const nowMs = now();
    if (nowMs - this.#forgotMs > forgetAfterMs) {
      this.#forgotMs = nowMs;
      log.forgetOld();
    }
    if (this.#returning.isOver(reply.nodes, nowMs)) presence.trust();
    for (const { node, text } of this.#nodes.watch(reply.nodes, nowMs)) {
      if (node !== nodeId) await this.#takeOver(node, text);
    }
    return reply.hasMoreDue ? 0 : this.#heartbeatMs;
  }

  async #restore({ epoch, nodes, lastEntry }: HeartbeatReply): Promise<void> {
    const { run, nodeId, availability, topics, registrations, presence, log } = this.#options;
    const { adminUrl, now, nodeLeaseMs } = this.#options;
    // Redis has forgotten this node while the links were whole.
    if (availability.signal) {
      this.#options.explain("Redis has forgotten this node: it was emptied, or took it for dead");
      availability.lose();
    }
    const isFirst = this.#epoch === null;
    const signal = availability.restore();
    void topics.want(controlChannel);
    void topics.want(echoChannelOf(nodeId));
    await topics.connect(signal);
    this.#term += 1;
    const stored = await run(joinCluster, nodeId, this.#term, adminUrl);
    signal.throwIfAborted();
    const isEmptied = !isFirst && epoch !== this.#epoch;
    const opening = { term: this.#term, stored, isEmptied, missedWithinMs: nodeLeaseMs };
    await registrations.open(opening, signal);
    await presence.reload(signal, () => availability.becomeWhole());
    this.#epoch = epoch;
    // Others may still be on their way back: only then is it known who has left.
    if (isFirst) presence.trust();
    else this.#returning.begin(nodes, now());
    if (isFirst) log.advance(lastEntry);
    await log.replay(signal);
    availability.becomeUp();
  }

  async #takeOver(node: string, seen: string): Promise<void> {
    const { appId, report } = this.#options;
    const first = await this.#giveUp(node, seen);
    if (first.isFirst) report({ kind: "node_taken_over", appId, nodeId: node });
    let { outcome } = first;
    while (outcome === "more_to_do") ({ outcome } = await this.#giveUp(node, seen));
  }

  async #giveUp(node: string, seen: string | null): Promise<GivenUp> {
    const givenUp = await this.#options.run(giveUp, node, seen);
    this.#options.presence.passOn(givenUp.transitions);
    return givenUp;
  }
}
