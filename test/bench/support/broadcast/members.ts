/** A process with a part of a channel's members: some send client events now and then, all count what arrives. */

import { createHmac } from "node:crypto";
import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { loopbackAddress, openClient, type Client } from "../client.ts";
import { payloadOf, type ServerFrame } from "../server-frames.ts";
import { connectAll } from "../subscribers.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";

export interface MembersInput {
  readonly target: Target;
  readonly channel: string;
  readonly members: number;
  /** Every so-many-th of them sends. */
  readonly senderEvery: number;
  readonly sendEveryMs: number;
  /** Whether a sender sends when its time has come. */
  readonly probability: number;
  /** Number of the process. */
  readonly index: number;
}

export interface MembersResult {
  readonly sent: number;
  readonly received: number;
  readonly gone: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of one core, between begin and end. */
  readonly cpu: number;
}

/** After the last event, for those that are under way. */
const drainMs = 1_000;
/** To look into every one would measure this process. */
const lookIntoEvery = 100;
const sentAt = /t=([\d.]+);/;

await runWorker<MembersResult>(async (text) => {
  const input: MembersInput = JSON.parse(text);
  const { target, channel, members } = input;
  const latencies = createHistogram();
  const clients: Client[] = [];
  const timers: NodeJS.Timeout[] = [];
  const count = { sent: 0, received: 0, gone: 0 };
  let cpuBefore = process.cpuUsage();
  let startMs = 0;

  function receive(frame: ServerFrame): void {
    count.received += 1;
    if (count.received % lookIntoEvery !== 0) return;
    const sent = sentAt.exec(payloadOf(frame).toString("latin1"))?.[1];
    if (sent === undefined) return;
    const ms = performance.timeOrigin + performance.now() - Number(sent);
    latencies.record(Math.max(1, Math.round(ms * 1_000)));
  }

  const connected = await connectAll(
    Array.from({ length: members }, () => (done) => {
      const client = openClient({
        target,
        localAddress: loopbackAddress(input.index),
        isDeflated: false,
        channels: [channel],
        authOf: (socketId, name) =>
          `${target.app.key}:${createHmac("sha256", target.app.secret).update(`${socketId}:${name}`).digest("hex")}`,
        onEvent: receive,
        onSubscribed: done.onSubscribed,
        onGone(reason) {
          count.gone += 1;
          done.onGone(reason);
        },
      });
      clients.push(client);
      return client;
    }),
  );

  function mayBeSend(client: Client): void {
    if (Math.random() >= input.probability) return;
    count.sent += 1;
    const data = `t=${(performance.timeOrigin + performance.now()).toFixed(3)};`;
    client.send({ event: "client-bench", channel, data });
  }

  return {
    begin() {
      cpuBefore = process.cpuUsage();
      startMs = performance.now();
      const senders = clients.filter((_, index) => index % input.senderEvery === 0);
      for (const [index, client] of senders.entries()) {
        // Not all in one turn, which would be another load.
        const offsetMs = (index * input.sendEveryMs) / senders.length;
        timers.push(
          setTimeout(() => {
            timers.push(setInterval(mayBeSend, input.sendEveryMs, client));
          }, offsetMs),
        );
      }
    },
    async end() {
      for (const timer of timers) clearTimeout(timer);
      const { user, system } = process.cpuUsage(cpuBefore);
      const cpu = (user + system) / 1_000 / (performance.now() - startMs);
      await sleep(drainMs);
      connected.close();
      const at = (percentile: number): number => latencies.percentile(percentile) / 1_000;
      return { ...count, p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), cpu };
    },
  };
});
