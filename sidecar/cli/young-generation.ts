/** The young generation of V8's heap, where everything is allocated, most of it for a moment. */

import { setFlagsFromString } from "node:v8";

/**
 * Keeps it at the size with which a process starts, 1 MB, where it would grow to 16 or 32 under load and stay resident.
 * To be called before the rest is loaded, which makes it grow too. `--max-semi-space-size` does the same only on the
 * command line.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
