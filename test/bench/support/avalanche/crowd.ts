/** A process with a part of a crowd: all connect in one turn of its event loop, subscribe, and leave together. */

import { loopbackAddress, openClient, type Client } from "../client.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";

export interface CrowdInput {
  readonly target: Target;
  readonly channel: string;
  readonly clients: number;
  /** Number of the process. */
  readonly index: number;
}

export interface CrowdResult {
  /** Refused, closed, or not subscribed in time. */
  readonly failed: number;
  /** From the opening of the socket until it was subscribed, in ms. */
  readonly latencies: readonly number[];
  /** Seconds of CPU. */
  readonly cpu: number;
}

const withinMs = 30_000;

await runWorker<CrowdResult>((text) => {
  const { target, channel, clients, index }: CrowdInput = JSON.parse(text);
  const opened: Client[] = [];
  const latencies: number[] = [];
  const { promise: everybody, resolve: allSettled } = Promise.withResolvers<void>();
  let settled = 0;
  let cpuBefore = process.cpuUsage();

  function settle(): void {
    settled += 1;
    if (settled === clients) allSettled();
  }

  function open(): void {
    const startMs = performance.now();
    let isSettled = false;
    const once = (): void => {
      if (!isSettled) settle();
      isSettled = true;
    };
    opened.push(
      openClient({
        target,
        localAddress: loopbackAddress(index),
        isDeflated: false,
        channels: [channel],
        onEvent: () => undefined,
        onSubscribed() {
          latencies.push(performance.now() - startMs);
          once();
        },
        onGone: once,
      }),
    );
  }

  return Promise.resolve({
    begin() {
      cpuBefore = process.cpuUsage();
      for (let i = 0; i < clients; i++) open();
    },
    async end() {
      const deadline = setTimeout(allSettled, withinMs);
      await everybody;
      clearTimeout(deadline);
      const { user, system } = process.cpuUsage(cpuBefore);
      for (const client of opened) client.close();
      const failed = clients - latencies.length;
      return { failed, latencies, cpu: (user + system) / 1e6 };
    },
  });
});
