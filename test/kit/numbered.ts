/** Events that carry their number, published to channels without a pause; and what a subscriber missed of them. */

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createSigner, type Credentials } from "./sign.ts";

/** Of the event; its data is `{"n": 1}`, counted by the channel. */
export const eventName = "numbered";

export interface NumberedLoad {
  /** Numbers whose publish was answered 200, by channel, in their order. */
  readonly taken: ReadonlyMap<string, readonly number[]>;
  /** What others were answered, or failed with, and how often: such an event may have been delivered. */
  readonly failures: Readonly<Record<string, number>>;
  /** Resolves once every channel has had so many more. */
  untilTaken(more: number): Promise<void>;
  /** Resolves when the last one was answered. */
  stop(): Promise<void>;
}

export interface NumberedOptions {
  readonly host?: string;
  readonly port: number;
  readonly app: Credentials;
  readonly channels: readonly string[];
  /** Between two events of one channel. The next waits for the answer to the one before. */
  readonly everyMs: number;
  /** Filler beside the number. */
  readonly padding?: string;
}

const answerWithinMs = 10_000;

export function startNumbered(options: NumberedOptions): NumberedLoad {
  const { channels, everyMs } = options;
  const taken = new Map<string, number[]>(channels.map((channel) => [channel, []]));
  const failures: Record<string, number> = {};
  const stopping = new AbortController();
  const publish = publisher(options);

  async function publishTo(channel: string, index: number): Promise<void> {
    await sleep((everyMs * index) / channels.length);
    for (let n = 1; !stopping.signal.aborted; n += 1) {
      const dueMs = performance.now() + everyMs;
      const outcome = await publish(channel, n);
      if (outcome === "200") taken.get(channel)?.push(n);
      else failures[outcome] = (failures[outcome] ?? 0) + 1;
      await sleep(Math.max(0, dueMs - performance.now()));
    }
  }
  const publishing = Promise.all(channels.map(publishTo));
  const counts = (): number[] => [...taken.values()].map(({ length }) => length);

  return {
    taken,
    failures,
    async untilTaken(more) {
      const wanted = counts().map((count) => count + more);
      while (counts().some((count, index) => count < (wanted[index] ?? 0))) await sleep(10);
    },
    async stop() {
      stopping.abort();
      await publishing;
    },
  };
}

/** Resolves with the status, or the error. Each over a connection of its own: none ends under a request. */
function publisher(options: NumberedOptions): (channel: string, n: number) => Promise<string> {
  const { host = "127.0.0.1", port, app, padding } = options;
  const sign = createSigner(app);
  return (channel, n) => {
    const data = JSON.stringify({ n, ...(padding && { padding }) });
    const call = sign("events", { body: { name: eventName, channels: [channel], data } });
    const { promise, resolve } = Promise.withResolvers<string>();
    const sending = request({
      host,
      port,
      method: call.method,
      path: call.target,
      headers: { "content-type": "application/json", "content-length": call.body.length },
      agent: false,
      timeout: answerWithinMs,
    });
    sending.once("response", (response) => {
      response.resume();
      response.once("close", () => resolve(String(response.statusCode)));
    });
    sending.once("timeout", () => sending.destroy(new Error("timeout")));
    sending.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    sending.end(call.body);
    return promise;
  };
}

export interface Verdict {
  /** Taken, and never came. */
  readonly missed: readonly number[];
  /** Each time beyond the first. */
  readonly doubled: readonly number[];
  /** Came first after a greater one. */
  readonly late: readonly number[];
}

export const faultless: Verdict = { missed: [], doubled: [], late: [] };

/**
 * @param taken what was published to the channel while it was subscribed
 * @param seen in the order in which it came
 */
export function judge(taken: readonly number[], seen: readonly number[]): Verdict {
  const had = new Set<number>();
  const doubled: number[] = [];
  const late: number[] = [];
  let greatest = 0;
  for (const n of seen) {
    if (had.has(n)) doubled.push(n);
    else if (n < greatest) late.push(n);
    had.add(n);
    greatest = Math.max(greatest, n);
  }
  return { missed: taken.filter((n) => !had.has(n)), doubled, late };
}
