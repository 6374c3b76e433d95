/** A process with subscribers of one channel: counts what arrives, and, where it is the probe, how late. */

import { createHistogram } from "node:perf_hooks";
import { loopbackAddress, openClient } from "../client.ts";
import { payloadOf, type ServerFrame } from "../server-frames.ts";
import { connectAll } from "../subscribers.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";
import { sentAtMs } from "./payload.ts";

export interface SubscriberInput {
  readonly target: Target;
  readonly channel: string;
  readonly subscribers: number;
  readonly isDeflated: boolean;
  /** Looks into every event for when it left; others only count, so that they do not measure themselves. */
  readonly isProbe: boolean;
  /** Number of the process. */
  readonly index: number;
}

export interface SubscriberResult {
  /** Between begin and end. */
  readonly deliveries: number;
  /** Payloads, as they stand on the wire. */
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Seconds of CPU. */
  readonly cpu: number;
}

await runWorker<SubscriberResult>(async (text) => {
  const input: SubscriberInput = JSON.parse(text);
  const latencies = createHistogram();
  let isMeasuring = false;
  let deliveries = 0;
  let bytes = 0;
  let cpuBefore = process.cpuUsage();

  function receive(frame: ServerFrame): void {
    if (!isMeasuring) return;
    deliveries += 1;
    bytes += frame.payload.length;
    if (!input.isProbe) return;
    const sentMs = sentAtMs(payloadOf(frame));
    if (sentMs === undefined) return;
    const ms = performance.timeOrigin + performance.now() - sentMs;
    latencies.record(Math.max(1, Math.round(ms * 1_000)));
  }

  const { target, channel, subscribers, isDeflated, index } = input;
  const connected = await connectAll(
    Array.from(
      { length: subscribers },
      () => (done) =>
        openClient({
          target,
          localAddress: loopbackAddress(index),
          isDeflated,
          channels: [channel],
          onEvent: receive,
          ...done,
        }),
    ),
  );
  return {
    begin() {
      cpuBefore = process.cpuUsage();
      isMeasuring = true;
    },
    end() {
      isMeasuring = false;
      const { user, system } = process.cpuUsage(cpuBefore);
      connected.close();
      return Promise.resolve({
        deliveries,
        bytes,
        p50Ms: latencies.percentile(50) / 1_000,
        p99Ms: latencies.percentile(99) / 1_000,
        cpu: (user + system) / 1e6,
      });
    },
  };
});
