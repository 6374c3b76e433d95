/** How many processes the sidecar runs in. */

import { workerCount } from "../parsers/workers.ts";
import { option } from "./option.ts";

export const workers = {
  count: option({
    env: "POGO_WORKERS",
    parser: workerCount,
    fallback: 1,
    docs: "Processes that share the port, one for each core that the sidecar may have; `auto` takes as many as there are cores. More than one need Redis, which joins them as it joins nodes. Limits of the whole node are shared out between them, those of one client or connection are each worker's own. They need SO_REUSEPORT: Linux or FreeBSD, and Node 22.12 or newer.",
  }),
} as const;
