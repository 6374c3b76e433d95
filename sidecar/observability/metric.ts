/** How a metric is defined: the series that Prometheus reads, and its text in `docs/metrics.md`. */

import { Counter, Gauge, Histogram, type Aggregator, type Registry } from "prom-client";
import { Tally } from "./tally.ts";

/** What a label says; for one with a closed set of values, what each of them means. */
export type LabelText = string | Readonly<Record<string, string>>;

export interface Definition<L extends string> {
  readonly name: `pogo_${string}`;
  /** What it is, in a sentence or two that stand alone: `/metrics` shows them. */
  readonly help: string;
  /** What one of it is: `events`, `seconds`, … */
  readonly unit: string;
  /** When it moves. */
  readonly moves: string;
  /** What an operator does about it, and which option to turn. */
  readonly action: string;
  /** Values have to come from closed sets: nothing that a client could make up. */
  readonly labels?: Readonly<Record<L, LabelText>>;
  /** What the value of several workers together is. @default "sum" */
  readonly overWorkers?: "sum" | "min" | "max" | "first";
}

export interface HistogramDefinition<L extends string> extends Definition<L> {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

/** A definition as the page of all metrics needs it. */
export type Description = Required<Definition<string>> & {
  readonly type: "counter" | "gauge" | "histogram";
};

/** A metric that is read at each scrape, instead of being kept up to date. It has no series until somebody says where to read. */
export interface Reading {
  read(value: () => number): void;
  /** With the values of its labels, in their order. */
  readEach(series: () => Iterable<readonly [labels: readonly string[], value: number]>): void;
}

/** Makes the metrics of one registry and keeps their descriptions. */
export interface Define {
  /**
   * Of counters and gauges whose labels' values are all known, every series is there from the start, so that the first
   * increase counts as one; not where these would be more than `maxSeriesAtStart`.
   */
  readonly counter: <L extends string = never>(definition: Definition<L>) => Counter<L>;
  readonly gauge: <L extends string = never>(definition: Definition<L>) => Gauge<L>;
  readonly histogram: <L extends string = never>(
    definition: HistogramDefinition<L>,
  ) => Histogram<L>;
  /** A counter for what happens at every message. */
  readonly tally: <L extends string>(definition: Definition<L>) => Tally;
  readonly reading: <L extends string = never>(
    definition: Definition<L> & { readonly type?: "gauge" | "counter" },
  ) => Reading;
}

/** The label whose values are the configured apps. */
const appLabel = "app_id";

/** Of one metric: with many apps its series appear one by one instead. */
const maxSeriesAtStart = 300;

export function createDefine(
  registry: Registry,
  appIds: readonly string[],
): { define: Define; descriptions: readonly Description[] } {
  const descriptions: Description[] = [];
  const registers = [registry];

  function describe<L extends string>(
    type: Description["type"],
    { name, help, unit, moves, action, overWorkers = "sum", ...rest }: Definition<L>,
  ) {
    const labels: Readonly<Record<string, LabelText>> = rest.labels ?? {};
    descriptions.push({ type, name, help, unit, moves, action, labels, overWorkers });
    return { name, help, labelNames: namesOf(rest.labels), aggregator: overWorkers };
  }

  /** The values of all labels, in their order, of each series. One without labels is made by prom-client. */
  function seriesAtStart(labels: Readonly<Record<string, LabelText>> = {}): readonly string[][] {
    const values = Object.entries(labels).map(([name, text]) => valuesOf(name, text));
    const count = values.reduce((product, { length }) => product * length, 1);
    if (values.length === 0 || count > maxSeriesAtStart) return [];
    return values.reduce<string[][]>(
      (series, some) => series.flatMap((each) => some.map((value) => [...each, value])),
      [[]],
    );
  }

  function valuesOf(name: string, text: LabelText): readonly string[] {
    if (name === appLabel) return appIds;
    return typeof text === "string" ? [] : Object.keys(text);
  }

  const define: Define = {
    counter(definition) {
      const counter = new Counter({ ...describe("counter", definition), registers });
      for (const values of seriesAtStart(definition.labels)) counter.labels(...values).inc(0);
      return counter;
    },
    gauge(definition) {
      const gauge = new Gauge({ ...describe("gauge", definition), registers });
      for (const values of seriesAtStart(definition.labels)) gauge.labels(...values).set(0);
      return gauge;
    },
    histogram({ buckets, ...definition }) {
      const options = describe("histogram", definition);
      return new Histogram({ ...options, buckets: [...buckets], registers });
    },
    tally(definition) {
      const tally = new Tally();
      for (const values of seriesAtStart(definition.labels)) {
        values.reduce((part, value) => part.of(value), tally);
      }
      const reading = createReading(registry, "counter", describe("counter", definition));
      reading.readEach(() => tally.series());
      return tally;
    },
    reading({ type = "gauge", ...definition }) {
      return createReading(registry, type, describe(type, definition));
    },
  };
  return { define, descriptions };
}

function createReading(
  registry: Registry,
  type: "gauge" | "counter",
  options: { name: string; help: string; labelNames: string[]; aggregator: Aggregator },
): Reading {
  function readEach(series: Parameters<Reading["readEach"]>[0]): void {
    const collect = (): void => {
      metric.reset();
      for (const [labels, value] of series()) metric.labels(...labels).inc(value);
    };
    const all = { ...options, registers: [], collect };
    const metric = type === "counter" ? new Counter(all) : new Gauge(all);
    registry.registerMetric(metric);
  }

  return { readEach, read: (value) => readEach(() => [[[], value()]]) };
}

function namesOf<L extends string>(labels: Readonly<Record<L, LabelText>> | undefined): L[] {
  const names: L[] = [];
  for (const name in labels) names.push(name);
  return names;
}
