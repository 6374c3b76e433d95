/** Sizes the young generation of V8's heap, where most objects live for a moment only. */

import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Both halves of it together, as V8 counts them: twice what a process starts with. */
const wantedBytes = 4 * 1_048_576;

/**
 * Lets it grow under load to twice the size with which a process starts, where it would grow to 16 times that and stay
 * resident. Idle, V8 makes it small again by itself. To be called before the rest is loaded, which makes it grow too.
 * `--max-semi-space-size` does the same only on the command line.
 */
export function limitYoungGeneration(): void {
  setGrowthFactor(1);
  let factor = 1;
  let wasSmall = false;
  const observer = new PerformanceObserver(() => {
    const isSmall = youngGenerationBytes() < wantedBytes;
    // Right behind a full collection it may have given back pages that it takes again: twice in a row it is its size.
    const wanted = isSmall && wasSmall ? 2 : 1;
    wasSmall = isSmall;
    if (wanted === factor) return;
    factor = wanted;
    setGrowthFactor(wanted);
  });
  observer.observe({ entryTypes: ["gc"] });
}

/** V8 reads it at every collection. */
function setGrowthFactor(factor: 1 | 2): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}

function youngGenerationBytes(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name }) => space_name === "new_space")?.space_size ?? Infinity;
}
