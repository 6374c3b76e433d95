/** A process that publishes to one channel: at a rate, or as fast as so many requests at a time are answered. */

import { createPublisher } from "../publisher.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";
import { createPayload, type Content } from "./payload.ts";

export interface PublisherInput {
  readonly target: Target;
  readonly channel: string;
  readonly content: Content;
  readonly dataBytes: number;
  /** Null: as fast as it goes. */
  readonly perSecond: number | null;
}

export interface PublisherResult {
  readonly published: number;
  readonly refused: number;
  /** Seconds of CPU. */
  readonly cpu: number;
}

const requestsAtOnce = 32;

await runWorker<PublisherResult>((text) => {
  const { target, channel, content, dataBytes, perSecond }: PublisherInput = JSON.parse(text);
  const publisher = createPublisher({ ports: [target.port], app: target.app });
  const payload = createPayload(content, dataBytes);
  const result = { published: 0, refused: 0 };
  let isRunning = false;
  let timer: NodeJS.Timeout | undefined;
  let cpuBefore = process.cpuUsage();

  async function publish(): Promise<void> {
    const data = payload(performance.timeOrigin + performance.now());
    const status = await publisher.publish([{ channel, data }]);
    if (!isRunning) return;
    if (status === 200) result.published += 1;
    else result.refused += 1;
  }

  async function publishOn(): Promise<void> {
    await publish();
    if (isRunning) void publishOn();
  }

  return Promise.resolve({
    begin() {
      isRunning = true;
      cpuBefore = process.cpuUsage();
      if (perSecond === null) {
        for (let i = 0; i < requestsAtOnce; i++) void publishOn();
        return;
      }
      const startMs = performance.now();
      let sent = 0;
      timer = setInterval(() => {
        const due = ((performance.now() - startMs) * perSecond) / 1_000;
        for (; sent < due; sent++) void publish();
      }, 1);
    },
    end() {
      isRunning = false;
      clearInterval(timer);
      publisher.close();
      const { user, system } = process.cpuUsage(cpuBefore);
      return Promise.resolve({ ...result, cpu: (user + system) / 1e6 });
    },
  });
});
