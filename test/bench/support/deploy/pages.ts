/** Pages with pusher-js, as browsers have them: each subscribed to one channel, and back by itself when it was closed. */

import { until } from "../../../../sidecar/testing/eventually.ts";
import { loadPusherJs, type PusherClass } from "../../../e2e/matrix/pusher-js-client.ts";

export interface Pages {
  /** Connections that ended so far. */
  readonly closed: number;
  /** Those that are not subscribed now. */
  readonly away: number;
  /** From each close that a page came back from to its next subscription, in milliseconds. */
  readonly backMs: readonly number[];
  /** Resolves once all are subscribed, or `deadlineMs` have passed. */
  settled(deadlineMs: number): Promise<void>;
  leave(): Promise<void>;
}

export interface PageOptions {
  readonly port: number;
  readonly key: string;
  readonly channel: string;
}

/** Milliseconds that it was away; null: it is from now on. */
export type Change = { readonly awayMs: number | null };

/** Resolves once all of them are subscribed. */
export async function openPages(port: number, key: string, count: number): Promise<Pages> {
  const Library = loadPusherJs("pusher-js");
  const tally = new Tally(count);
  const pages = Array.from({ length: count }, (_, index) =>
    openPage(Library, { port, key, channel: channelOf(index) }, tally.take),
  );
  return tally.watch(() => {
    for (const page of pages) page.disconnect();
    return Promise.resolve();
  });
}

export function channelOf(index: number): string {
  return `news-${index % 10}`;
}

/** Runs in a browser too, as its text: it uses nothing but what it is given. */
export function openPage(
  Library: PusherClass,
  { port, key, channel }: PageOptions,
  onChange: (change: Change) => void,
): { disconnect(): void } {
  const pusher = new Library(key, {
    cluster: "",
    wsHost: "127.0.0.1",
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws"],
  });
  let isLive = false;
  let lostMs = performance.now();
  const lose = (): void => {
    if (!isLive) return;
    isLive = false;
    lostMs = performance.now();
    onChange({ awayMs: null });
  };
  // A close with a code comes as an error first, and the state changes only when it tries again.
  pusher.connection.bind("error", lose);
  pusher.connection.bind("state_change", ({ previous }: { previous: string }) => {
    if (previous === "connected") lose();
  });
  pusher.subscribe(channel).bind("pusher:subscription_succeeded", () => {
    isLive = true;
    onChange({ awayMs: performance.now() - lostMs });
  });
  return pusher;
}

/** Counts what becomes of `count` pages. */
export class Tally {
  readonly #count: number;
  readonly #backMs: number[] = [];
  #closed = 0;
  #live = 0;
  #subscribed = 0;

  constructor(count: number) {
    this.#count = count;
  }

  readonly take = ({ awayMs }: Change): void => {
    this.#live += awayMs === null ? -1 : 1;
    if (awayMs === null) this.#closed += 1;
    // The first times are those of the pages' opening.
    else if ((this.#subscribed += 1) > this.#count) this.#backMs.push(awayMs);
  };

  /** Resolves once all are subscribed for the first time. */
  async watch(leave: () => Promise<void>): Promise<Pages> {
    const settled = async (deadlineMs: number): Promise<void> => {
      const areLive = (): boolean => this.#live === this.#count;
      await until("all pages", areLive, deadlineMs).catch(() => undefined);
    };
    await settled(30_000);
    const closed = (): number => this.#closed;
    const away = (): number => this.#count - this.#live;
    return {
      get closed() {
        return closed();
      },
      get away() {
        return away();
      },
      backMs: this.#backMs,
      settled,
      leave,
    };
  }
}
