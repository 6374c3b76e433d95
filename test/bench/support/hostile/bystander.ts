/** The process that behaves: its pings, the orchestrator's probe and an ordinary publish, each on a schedule of its own. */

import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Histogram } from "node:perf_hooks";
import { handshakeRequest, messageFrame } from "../client-bytes.ts";
import { createPublisher } from "../publisher.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";

export interface BystanderInput {
  readonly target: Target;
}

export interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Percentiles extends Delays {
  readonly count: number;
  /** Not answered, refused, or still waited for two seconds after the end; they count as that late. */
  readonly missing: number;
}

export interface BystanderResult {
  readonly pings: Percentiles;
  readonly probes: Percentiles;
  readonly publishes: Percentiles;
  /** How late this process's own event loop was: a part of all the others. */
  readonly ownDelay: Delays;
}

const pingEveryMs = 20;
/** A client that has been there before the attack, on a server that has served somebody. */
const pingsBefore = 50;
const probeEveryMs = 100;
const publishEveryMs = 50;
/** How long an answer is waited for after the end. */
const graceMs = 2_000;
const publishedBytes = 200;

await runWorker<BystanderResult>(async (text) => {
  const { target }: BystanderInput = JSON.parse(text);
  const ping = await openPinger(target);
  const publisher = createPublisher({ ports: [target.port], app: target.app });
  for (let i = 0; i < pingsBefore; i++) {
    await ping();
    await sleep(pingEveryMs);
  }
  const data = "x".repeat(publishedBytes);
  const publish = async (): Promise<boolean> =>
    (await publisher.publish([{ channel: "quiet", data }])) === 200;
  let measurements: Measurement[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  return {
    begin() {
      delay.enable();
      measurements = [
        measureEvery(pingEveryMs, ping),
        measureEvery(probeEveryMs, () => probe(target.healthUrl)),
        measureEvery(publishEveryMs, publish),
      ];
    },
    async end() {
      delay.disable();
      const [pings, probes, publishes] = await Promise.all(measurements.map((one) => one.end()));
      publisher.close();
      if (!pings || !probes || !publishes) throw new Error("ended before it began");
      return { pings, probes, publishes, ownDelay: delaysOf(delay, 1e6) };
    },
  };
});

interface Measurement {
  end(): Promise<Percentiles>;
}

/** Asks by the clock, whether or not the last one was answered: what waits for its turn counts as late. */
function measureEvery(everyMs: number, ask: () => Promise<boolean>): Measurement {
  const histogram = createHistogram();
  const startMs = performance.now();
  const open = new Set<number>();
  let asked = 0;
  let missing = 0;

  function record(fromMs: number): void {
    histogram.record(Math.max(1, Math.round((performance.now() - fromMs) * 1_000)));
  }

  async function askOnce(dueMs: number): Promise<void> {
    open.add(dueMs);
    const isAnswered = await ask().catch(() => false);
    if (!open.delete(dueMs)) return;
    if (!isAnswered) missing += 1;
    record(dueMs);
  }

  const timer = setInterval(() => {
    for (; startMs + asked * everyMs <= performance.now(); asked++) {
      const dueMs = startMs + asked * everyMs;
      void askOnce(dueMs);
    }
  }, 1);

  return {
    async end() {
      clearInterval(timer);
      const untilMs = performance.now() + graceMs;
      while (open.size > 0 && performance.now() < untilMs) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      missing += open.size;
      for (const dueMs of open) record(dueMs);
      open.clear();
      return {
        count: asked,
        ...delaysOf(histogram, 1_000),
        missing,
      };
    },
  };
}

/** @param perMs how many of the histogram's units a millisecond has */
function delaysOf(histogram: Histogram, perMs: number): Delays {
  return {
    p50Ms: histogram.percentile(50) / perMs,
    p99Ms: histogram.percentile(99) / perMs,
    maxMs: histogram.max / perMs,
  };
}

/** Pongs come in the order of the pings. */
async function openPinger(target: Target): Promise<() => Promise<boolean>> {
  const socket = connect(target.port, "127.0.0.1");
  socket.setNoDelay(true);
  const pingFrame = messageFrame({ event: "pusher:ping", data: {} });
  const waiting: ((isAnswered: boolean) => void)[] = [];
  let isOpen = true;
  let rest = "";
  const { promise: established, resolve: isEstablished } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    rest += chunk.toString("latin1");
    if (rest.includes("connection_established")) isEstablished();
    const pieces = rest.split("pusher:pong");
    rest = pieces.pop()?.slice(-100) ?? "";
    for (const _ of pieces) waiting.shift()?.(true);
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    isOpen = false;
    for (const answer of waiting.splice(0)) answer(false);
  });
  await once(socket, "connect");
  socket.write(handshakeRequest("127.0.0.1", target.app.key));
  await established;
  return () => {
    if (!isOpen) return Promise.resolve(false);
    socket.write(pingFrame);
    return new Promise((resolve) => waiting.push(resolve));
  };
}

/** On a connection of its own, as the kubelet's. */
function probe(url: string | null): Promise<boolean> {
  if (url === null) return Promise.resolve(true);
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200));
    }).once("error", () => resolve(false));
  });
}
