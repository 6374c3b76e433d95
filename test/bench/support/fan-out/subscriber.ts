/** A process with subscribers of one channel: counts what arrives, and how late the events are that say when they left. */

import { createHistogram } from "node:perf_hooks";
import { connectSubscribers } from "../subscribers.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";

export interface SubscriberInput {
  readonly target: Target;
  readonly channel: string;
  readonly subscribers: number;
}

export interface SubscriberResult {
  /** Between begin and end. */
  readonly deliveries: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly cpu: number;
}

/** An event's data begins with when it was sent, in milliseconds since the epoch: `t=1700000000000.123;`. */
const sentAt = /t=([\d.]+);/;
/** Of a long event the beginning is enough. */
const headBytes = 200;

await runWorker<SubscriberResult>(async (text) => {
  const { target, channel, subscribers }: SubscriberInput = JSON.parse(text);
  const latencies = createHistogram();
  let isMeasuring = false;
  let deliveries = 0;
  let bytes = 0;
  let every = 0;
  const connected = await connectSubscribers({
    ports: [target.port],
    appKey: target.app.key,
    channels: [channel],
    subscribersPerChannel: subscribers,
    onEvent(payload) {
      if (!isMeasuring) return;
      deliveries += 1;
      bytes += payload.length;
      // To look into every one would measure this process.
      if (++every % Math.ceil(subscribers / 10) !== 0) return;
      const sent = sentAt.exec(payload.toString("latin1", 0, headBytes))?.[1];
      if (sent === undefined) return;
      const ms = performance.timeOrigin + performance.now() - Number(sent);
      latencies.record(Math.max(1, Math.round(ms * 1_000)));
    },
  });
  let startMs = 0;
  let startCpu = process.cpuUsage();
  return {
    begin() {
      startMs = performance.now();
      startCpu = process.cpuUsage();
      isMeasuring = true;
    },
    end() {
      isMeasuring = false;
      const { user, system } = process.cpuUsage(startCpu);
      connected.close();
      return Promise.resolve({
        deliveries,
        bytes,
        p50Ms: latencies.percentile(50) / 1_000,
        p99Ms: latencies.percentile(99) / 1_000,
        cpu: (user + system) / 1_000 / (performance.now() - startMs),
      });
    },
  };
});
