/** Pages with pusher-js, as browsers have them: each subscribed to one channel, and back by itself when it was closed. */

import { until } from "../../../../sidecar/testing/eventually.ts";
import { loadPusherJs } from "../../../e2e/matrix/pusher-js-client.ts";

export interface Pages {
  /** Connections that ended so far. */
  readonly closed: number;
  /** Those that are not subscribed now. */
  readonly away: number;
  /** Resolves once all are subscribed, or `deadlineMs` have passed. */
  settled(deadlineMs: number): Promise<void>;
  leave(): void;
}

const Library = loadPusherJs("pusher-js");

/** Resolves once all of them are subscribed. */
export async function openPages(port: number, key: string, count: number): Promise<Pages> {
  let closed = 0;
  let live = 0;
  const pages = Array.from({ length: count }, (_, index) => {
    const pusher = new Library(key, {
      cluster: "",
      wsHost: "127.0.0.1",
      wsPort: port,
      forceTLS: false,
      enabledTransports: ["ws"],
    });
    let isLive = false;
    const set = (next: boolean): void => {
      live += Number(next) - Number(isLive);
      isLive = next;
    };
    const lose = (): void => {
      closed += Number(isLive);
      set(false);
    };
    // A close with a code comes as an error first, and the state changes only when it tries again.
    pusher.connection.bind("error", lose);
    pusher.connection.bind("state_change", ({ previous }: { previous: string }) => {
      if (previous === "connected") lose();
    });
    const channel = pusher.subscribe(`news-${index % 10}`);
    channel.bind("pusher:subscription_succeeded", () => set(true));
    return pusher;
  });
  const settled = async (deadlineMs: number): Promise<void> => {
    await until("all pages", () => live === count, deadlineMs).catch(() => undefined);
  };
  await settled(30_000);
  return {
    get closed() {
      return closed;
    },
    get away() {
      return count - live;
    },
    settled,
    leave() {
      for (const page of pages) page.disconnect();
    },
  };
}
