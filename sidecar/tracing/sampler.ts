/** Which traces are recorded, by OpenTelemetry's names (OTEL_TRACES_SAMPLER). */

import type { TraceContext } from "../core/trace.ts";

export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export type SamplerName = (typeof samplerNames)[number];

/** @param parent null: the trace begins here. */
export type Sampler = (traceId: string, parent: TraceContext | null) => boolean;

/** @param ratio of all traces, from 0 to 1: of `traceidratio` */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const rules: Readonly<Record<string, (traceId: string) => boolean>> = {
    always_on: () => true,
    always_off: () => false,
    traceidratio: (traceId) => positionOf(traceId) < ratio,
  };
  const ofRoots = rules[name.replace("parentbased_", "")] ?? (() => true);
  if (!name.startsWith("parentbased_")) return ofRoots;
  return (traceId, parent) => parent?.isSampled ?? ofRoots(traceId);
}

/** From 0 up to 1, the same on every node: by the random end of the id (W3C Trace Context level 2, §3.2.2.3.1). */
function positionOf(traceId: string): number {
  return Number.parseInt(traceId.slice(-13), 16) / 16 ** 13;
}
