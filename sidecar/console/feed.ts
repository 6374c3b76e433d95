/** Events for the console's viewers: observed only while somebody is looking. */

import type { Report, SidecarEvent } from "../core/report.ts";
import type { Timers } from "../http/timers.ts";
import type { ConsoleSources } from "./sources.ts";
import { topicOf } from "./topics.ts";
import { maxLookedAt, toRefusal, Viewer, type ViewerOptions } from "./viewer.ts";

export interface FeedOptions extends Pick<
  ConsoleSources,
  "watch" | "lineOf" | "refusals" | "figures" | "hubs" | "upstream"
> {
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

export interface Feed {
  /** Null: as many look as may. */
  open(options: Omit<ViewerOptions, "lineOf" | "setting">): Viewer | null;
  /** Harmless when it is closed already. */
  close(viewer: Viewer): void;
}

export const maxViewers = 8;
/** Of events that only viewers see, between two flushes, without a filter. */
export const maxMade = 250;
const flushMs = 250;
/** The figures go out with every fourth flush. */
const flushesPerFigures = 4;

export function createFeed(options: FeedOptions): Feed {
  const { watch, lineOf, refusals, figures, timers, wallClock } = options;
  const setting = { apps: options.hubs.map(({ app }) => app), upstream: options.upstream };
  const viewers = new Set<Viewer>();
  let cancel = (): void => {};
  let flushes = 0;
  /** Since the last flush: how many events were made that only viewers see. */
  let made = 0;

  function see(event: SidecarEvent): void {
    const topic = topicOf(event);
    if (!topic) return;
    const atMs = wallClock();
    for (const viewer of viewers) viewer.see(event, topic, atMs);
    if (topic === "events" || topic === "requests") count();
  }

  const seeContents: NonNullable<Report["contents"]> = (event, recipients) => {
    const atMs = wallClock();
    for (const viewer of viewers) viewer.seeContents(event, recipients, atMs);
    count();
  };

  /** With enough of them no more are made until the next flush. */
  function count(): void {
    made += 1;
    if (made === mostMade()) attach();
  }

  /** So many as are shown, and some more to say how many there are; or as many as a filter looks at. */
  function mostMade(): number {
    return viewers.values().some(({ hasFilter }) => hasFilter) ? maxLookedAt : maxMade;
  }

  function attach(): void {
    if (viewers.size === 0) return watch(null);
    const hasDetails =
      made < mostMade() && viewers.values().some((viewer) => !viewer.isForRefusals);
    const areContentsWanted = viewers.values().some(({ hasContents }) => hasContents);
    watch({ see, hasDetails, contents: hasDetails && areContentsWanted ? seeContents : null });
  }

  /** Somebody came or went. */
  function restart(): void {
    cancel();
    attach();
    if (viewers.size > 0) cancel = timers.setTimeout(tick, flushMs);
  }

  function tick(): void {
    const isCut = made >= mostMade();
    for (const viewer of viewers) viewer.flush();
    made = 0;
    if (isCut) attach();
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
      const viewer = new Viewer({ ...wanted, lineOf, setting });
      const before = refusals().map(({ event, atMs }) =>
        toRefusal(event, lineOf(event), setting, atMs),
      );
      viewer.send({ type: "refusals", entries: before });
      viewers.add(viewer);
      restart();
      void sendFigures([viewer]);
      return viewer;
    },
    close(viewer) {
      if (viewers.delete(viewer)) restart();
    },
  };
}
