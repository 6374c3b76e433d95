/** What somebody sees who comes to `docs/troubleshooting.md`, and the lines of the log that say why. */

import type { SidecarEvent } from "../../sidecar/core/report.ts";

export interface Symptom {
  readonly title: string;
  /** What to look at before the log. */
  readonly first?: string;
  readonly lines: readonly SidecarEvent[];
  /** Causes that no line can know. */
  readonly also?: readonly string[];
}
