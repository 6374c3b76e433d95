/** What happens, for those who look: watched while somebody does, and nothing is done while nobody does. */

import type { Report } from "../core/report.ts";
import type { Timers } from "../http/timers.ts";
import type { ConsoleSources } from "./sources.ts";
import { toEntry, Viewer, type ViewerOptions } from "./viewer.ts";

export interface FeedOptions extends Pick<
  ConsoleSources,
  "watch" | "lineOf" | "refusals" | "figures"
> {
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

export interface Feed {
  /** Null: as many look as may. */
  open(options: Pick<ViewerOptions, "filter" | "hasContents" | "send">): Viewer | null;
  /** Harmless when it is closed already. */
  close(viewer: Viewer): void;
}

export const maxViewers = 8;
const flushMs = 250;
/** The figures go out with every fourth flush. */
const flushesPerFigures = 4;

export function createFeed(options: FeedOptions): Feed {
  const { watch, lineOf, refusals, figures, timers, wallClock } = options;
  const viewers = new Set<Viewer>();
  let cancel = (): void => {};
  let flushes = 0;

  function see(event: Parameters<Viewer["see"]>[0]): void {
    const atMs = wallClock();
    for (const viewer of viewers) viewer.see(event, atMs);
  }

  const contents: Report["contents"] = (event, recipients) => {
    const atMs = wallClock();
    for (const viewer of viewers) viewer.seeContents(event, recipients, atMs);
  };

  /** To be called whenever somebody comes or goes. */
  function attach(): void {
    cancel();
    if (viewers.size === 0) return watch(null);
    const areContentsWanted = viewers.values().some(({ hasContents }) => hasContents);
    watch({ see, contents: areContentsWanted ? contents : null });
    cancel = timers.setTimeout(tick, flushMs);
  }

  function tick(): void {
    for (const viewer of viewers) viewer.flush();
    flushes += 1;
    if (flushes % flushesPerFigures === 0) void sendFigures([...viewers]);
    cancel = timers.setTimeout(tick, flushMs);
  }

  async function sendFigures(to: readonly Viewer[]): Promise<void> {
    const message = { type: "figures", atMs: wallClock(), ...(await figures()) };
    for (const viewer of to) viewer.send(message);
  }

  return {
    open(wanted) {
      if (viewers.size >= maxViewers) return null;
      const viewer = new Viewer({ ...wanted, lineOf });
      const before = refusals().map(({ event, atMs }) => toEntry(event, lineOf(event), atMs));
      viewer.send({ type: "refusals", entries: before });
      viewers.add(viewer);
      attach();
      void sendFigures([viewer]);
      return viewer;
    },
    close(viewer) {
      if (viewers.delete(viewer)) attach();
    },
  };
}
