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
  /** The URL at which a browser reaches this node's admin port; null: not known. */
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
  /** How long a heartbeat's echo is waited for. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly newId: () => string;
  /** Reports a fault that no other part reports. */
  readonly explain: (error: string) => void;
  readonly report: Report;
}

/** Time between attempts while Redis is lost. */
const retryMs = 250;
const longestHeartbeatMs = 1_000;
/** Longer than the time within which a repeated message arrives twice. */
const forgetAfterMs = 30_000;

export class Session {
  readonly #options: SessionOptions;
  readonly #heartbeatMs: number;
  readonly #nodes: Nodes;
  readonly #returning: ReturningNodes;
  readonly #echo: Echo;
  /** Identifies the data in Redis since it was last emptied; null before this node has seen any. */
  #epoch: string | null = null;
  /** Counts how often this node has joined the cluster. */
  #term = 0;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  #isClosed = false;
  #forgotMs = 0;

  constructor(options: SessionOptions) {
    const { nodeLeaseMs, availability } = options;
    this.#options = options;
    this.#heartbeatMs = Math.min(longestHeartbeatMs, nodeLeaseMs / 5);
    // Dead nodes are noticed within the lease, although this only looks once per heartbeat.
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

  /** Nodes of this app seen alive, including this one. */
  get nodeCount(): number {
    return this.#nodes.count;
  }

  /** Whether there is no other node, or was none when Redis was lost. False before Redis was first available. */
  get isAlone(): boolean {
    return this.#epoch !== null && this.#nodes.others.length === 0 && this.#returning.isEmpty;
  }

  /** Redis may be available again. */
  wake(): void {
    if (!this.#options.availability.signal && !this.#underWay) this.#schedule(0);
  }

  /** The echo of a heartbeat has arrived. */
  echoed(id: string): void {
    this.#echo.arrive(id);
  }

  /** Redis knows this node from now on. */
  nodeRegistered(node: string): void {
    this.#nodes.meet(node, this.#options.now());
  }

  /** Removes everything that this node has registered, and ends; harmless if Redis is lost. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#options.availability.close();
    clearTimeout(this.#timer);
    await this.#underWay;
    try {
      const { nodeId } = this.#options;
      while ((await this.#giveUp(nodeId, null)).outcome === "more_to_do");
    } catch {
      // Then another node does it after the lease.
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

  /** Sends one; returns how soon the next should follow. */
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
      // Completed registrations are announced at once, since other nodes wait for that.
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
    // Everything published before this heartbeat arrives before its echo.
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
    // Redis has forgotten this node although its links never broke.
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
    // Other nodes may still be coming back; only after that is it known which members have left.
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
