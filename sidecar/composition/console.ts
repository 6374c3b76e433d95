/** The console on the admin port, of one process or of several; loaded when somebody opens it. */

import type { Config } from "../config.ts";
import type { Backend } from "../console/backend.ts";
import type { Report } from "../core/report.ts";
import type { OpenConsole } from "../observability/admin.ts";

/** What is behind the page. */
export type LoadBackend = () => Promise<Backend>;

export function bindConsole(
  { console }: Pick<Config, "console">,
  options: {
    readonly loadBackend: LoadBackend;
    readonly report: Report;
    /** Milliseconds of a clock that never goes back. */
    readonly now: () => number;
  },
): OpenConsole {
  const { loadBackend, report, now } = options;
  return async ({ isLoopback }) => {
    const { createConsole } = await import("../console/console.ts");
    const backend = await loadBackend();
    const loginRefused = (): void => report({ kind: "console_login_refused" });
    return createConsole({ ...console, isLoopback, backend, now, loginRefused });
  };
}
