/** What it costs that somebody looks at the console: the same node with nobody and with a viewer, in turn. */

import type { Scenario, Settings } from "../scenario.ts";
import { lookAtConsole } from "../support/console-viewer.ts";
import { startPogo } from "../support/servers.ts";
import { mediansOf, percent, toTable, whole } from "../support/table.ts";
import { measureFanOut, nameOf, type FanOutLoad, type MeasuredFanOut } from "./fan-out.ts";

const plain = { content: "text", isDeflated: false, perSecond: null } as const;

/** With ten subscribers a publish weighs the most, and there are the most events to see. */
const loads: readonly FanOutLoad[] = [
  { ...plain, subscribers: 1_000, dataBytes: 200 },
  { ...plain, subscribers: 1_000, dataBytes: 200, perSecond: 40 },
  { ...plain, subscribers: 10, dataBytes: 200 },
];

interface Row extends MeasuredFanOut {
  readonly load: FanOutLoad;
  readonly name: string;
  /** Of the CPU of a delivery without a viewer. */
  readonly more: number | null;
  /** What the viewer was sent, a second. */
  readonly shown: number;
}

export const consoleViewer: Scenario = {
  name: "console",
  needs: () => false,
  takesTarget: false,
  async run(settings) {
    const rows: Row[] = [];
    for (const load of loads) {
      if (settings.only && !nameOf(load).includes(settings.only)) continue;
      rows.push(...(await measureLoad(load, settings)));
    }
    return describe(rows, settings);
  },
};

async function measureLoad(load: FanOutLoad, settings: Settings): Promise<readonly Row[]> {
  const without: MeasuredFanOut[] = [];
  const withViewer: MeasuredFanOut[] = [];
  let shown = 0;
  let seconds = 0;
  const { target, stop } = await startPogo(settings);
  const nobody = async () => void without.push(await measureFanOut(target, load, settings));
  const somebody = async () => {
    const startMs = performance.now();
    const viewer = await lookAtConsole(new URL("/", target.healthUrl ?? ""));
    withViewer.push(await measureFanOut(target, load, settings));
    shown += viewer.stop();
    seconds += (performance.now() - startMs) / 1_000;
  };
  try {
    // Of one process, both ways compiled before anything counts: two processes differ by more than a viewer costs.
    for (const measure of [nobody, somebody]) await measure();
    without.length = 0;
    withViewer.length = 0;
    for (let round = 0; round < roundsOf(settings); round++) {
      for (const measure of round % 2 === 0 ? [nobody, somebody] : [somebody, nobody]) {
        await measure();
      }
    }
  } finally {
    await stop();
  }
  const [before, after] = [mediansOf(without, ["refused"]), mediansOf(withViewer, ["refused"])];
  const more = after.microsecondsPerDelivery / before.microsecondsPerDelivery - 1;
  return [
    { ...before, load, name: "nobody", more: null, shown: 0 },
    { ...after, load, name: "a viewer", more, shown: shown / seconds },
  ];
}

/** Two runs of one process differ by some percent as well: twice as many as elsewhere. */
function roundsOf({ rounds }: Settings): number {
  return rounds * 2;
}

function describe(rows: readonly Row[], settings: Settings): string {
  const { measuredMs, scale } = settings;
  const table = toTable(rows, [
    ["subscribers × data", ({ load }) => nameOf(load)],
    ["who looks", ({ name }) => name],
    ["deliveries/s", (row) => whole(row.deliveriesPerSecond)],
    ["publishes/s", (row) => whole(row.publishesPerSecond)],
    ["µs of CPU a delivery", (row) => row.microsecondsPerDelivery.toFixed(2)],
    ["more", ({ more }) => (more === null ? "–" : `${(more * 100).toFixed(1)} %`)],
    ["p50 / p99 ms", (row) => `${row.p50Ms.toFixed(1)} / ${row.p99Ms.toFixed(1)}`],
    ["server CPU", (row) => percent(row.serverCpu)],
    ["entries shown/s", ({ shown }) => whole(shown)],
    ["load CPU", (row) => percent(row.loadCpu)],
    ["lost", (row) => whole(row.refused)],
  ]);
  const scaled = scale === 1 ? "" : ` All numbers of subscribers times ${scale}.`;
  return [
    `One warm process, with nobody at its console and with a viewer in turn; each number is the median of ${roundsOf(settings)} rounds of ` +
      `${measuredMs / 1000} s.${scaled} The viewer reads the stream of figures and events, and asks for the lists of connections ` +
      "and channels every two seconds, as the page does.",
    table,
  ].join("\n\n");
}
