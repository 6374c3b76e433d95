/** Publishes at a rate that does not wait for the answers, and writes down what arrives when. */

import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchEvent, Publisher } from "./publisher.ts";

export interface LoadOptions {
  readonly publisher: Publisher;
  readonly channels: readonly string[];
  readonly subscribersPerChannel: number;
  readonly publishesPerSecond: number;
  /** Of one request. */
  readonly eventsPerRequest: number;
  readonly dataBytes: number;
  /** Before it is measured. */
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Called when the measuring begins, and when all that was sent has arrived. */
  readonly onMeasure?: (moment: "begin" | "end") => Promise<void>;
}

export interface LoadResult {
  /** Events that were answered 200, by the second. */
  readonly publishesPerSecond: number;
  readonly publishes: number;
  /** Events that were answered otherwise. */
  readonly refused: number;
  readonly deliveriesPerSecond: number;
  /** From the request's sending to the frame's arrival. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Deliveries that were due for what was answered 200, and did not come within two seconds. */
  readonly lost: number;
  /** Deliveries beyond the first to a subscriber. */
  readonly repeated: number;
  /** How far the load was behind its own schedule. */
  readonly lateP99Ms: number;
  /** Of one core. */
  readonly loadCpu: number;
}

export interface Load {
  /** For every event that a subscriber received. */
  readonly receive: (payload: Buffer) => void;
  run(options: LoadOptions): Promise<LoadResult>;
}

const tickMs = 1;
const drainMs = 2_000;
const dataMark = '"data":"';
const idDigits = 9;

export function createLoad(): Load {
  let receive: (id: number) => void = () => {};
  let nextId = 0;

  return {
    receive(payload) {
      const at = payload.indexOf(dataMark);
      if (at === -1) return;
      const start = at + dataMark.length;
      receive(Number(payload.toString("latin1", start, start + idDigits)));
    },

    async run(options) {
      const { publisher, channels, publishesPerSecond, eventsPerRequest, dataBytes } = options;
      const padding = "x".repeat(Math.max(0, dataBytes - idDigits));
      const firstId = nextId;
      const count =
        Math.ceil((publishesPerSecond * (options.warmUpMs + options.measuredMs)) / 1000) +
        eventsPerRequest;
      nextId += count;
      const sentMs = new Float64Array(count);
      const received = new Uint16Array(count);
      const isTaken = new Uint8Array(count);
      const latencies = createHistogram({ figures: 3 });
      const lateness = createHistogram({ figures: 3 });
      const answers: Promise<void>[] = [];
      let sent = 0;
      let measuredFrom = Number.POSITIVE_INFINITY;
      let endMs = Number.POSITIVE_INFINITY;
      let deliveriesInTime = 0;

      receive = (id) => {
        const index = id - firstId;
        if (index < 0 || index >= count) return;
        received[index] = (received[index] ?? 0) + 1;
        if (index < measuredFrom) return;
        const nowMs = performance.now();
        if (nowMs < endMs) deliveriesInTime += 1;
        latencies.record(microseconds(nowMs - (sentMs[index] ?? 0)));
      };

      async function send(): Promise<void> {
        const from = sent;
        const events: BenchEvent[] = [];
        for (; sent < from + eventsPerRequest; sent++) {
          const id = String(firstId + sent).padStart(idDigits, "0");
          const channel = channels[sent % channels.length] ?? "";
          events.push({ channel, data: id + padding });
        }
        sentMs.fill(performance.now(), from, sent);
        const status = await publisher.publish(events);
        if (status === 200) isTaken.fill(1, from, from + eventsPerRequest);
      }

      /** Until so many milliseconds have passed. */
      async function publishFor(ms: number): Promise<void> {
        const startMs = performance.now();
        const sentBefore = sent;
        for (;;) {
          const elapsedMs = performance.now() - startMs;
          if (elapsedMs >= ms) return;
          const due = (elapsedMs * publishesPerSecond) / 1000;
          for (; sent - sentBefore + eventsPerRequest <= due;) {
            const dueMs = ((sent - sentBefore + eventsPerRequest) * 1000) / publishesPerSecond;
            lateness.record(microseconds(performance.now() - startMs - dueMs));
            answers.push(send());
          }
          await sleep(tickMs);
        }
      }

      await publishFor(options.warmUpMs);
      await options.onMeasure?.("begin");
      lateness.reset();
      const cpuBefore = process.cpuUsage();
      const beginMs = performance.now();
      measuredFrom = sent;
      await publishFor(options.measuredMs);
      endMs = performance.now();
      const cpu = process.cpuUsage(cpuBefore);
      const seconds = (endMs - beginMs) / 1000;
      await Promise.all(answers);

      const taken = isTaken.subarray(measuredFrom, sent).reduce((sum, one) => sum + one, 0);
      const { subscribersPerChannel } = options;
      const drainedAtMs = performance.now() + drainMs;
      const missing = (): number => excess(isTaken, received, subscribersPerChannel, sent).lost;
      while (missing() > 0 && performance.now() < drainedAtMs) await sleep(20);
      await options.onMeasure?.("end");
      receive = () => {};
      const { lost, repeated } = excess(isTaken, received, subscribersPerChannel, sent);
      return {
        publishesPerSecond: taken / seconds,
        publishes: taken,
        refused: sent - measuredFrom - taken,
        deliveriesPerSecond: deliveriesInTime / seconds,
        p50Ms: latencies.percentile(50) / 1000,
        p99Ms: latencies.percentile(99) / 1000,
        lost,
        repeated,
        lateP99Ms: lateness.percentile(99) / 1000,
        loadCpu: (cpu.user + cpu.system) / 1_000_000 / seconds,
      };
    },
  };
}

/** What came too seldom or too often, warm-up included. */
function excess(
  isTaken: Uint8Array,
  received: Uint16Array,
  subscribers: number,
  sent: number,
): { lost: number; repeated: number } {
  let lost = 0;
  let repeated = 0;
  for (let i = 0; i < sent; i++) {
    const count = received[i] ?? 0;
    if (isTaken[i] === 1) lost += Math.max(0, subscribers - count);
    repeated += Math.max(0, count - subscribers);
  }
  return { lost, repeated };
}

/** A histogram takes whole numbers above 0. */
function microseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1000));
}
