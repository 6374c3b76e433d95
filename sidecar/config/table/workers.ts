/** How many processes the sidecar runs in. */

import { workerCount } from "../parsers/workers.ts";
import { option } from "./option.ts";

export const workers = {
  count: option({
    env: "POGO_WORKERS",
    parser: workerCount,
    fallback: 1,
    docs: "Number of processes that share the port, one per core that the sidecar may use; `auto` starts one per core; a CPU limit of the container (cgroup v2) counts, rounded down. More than one need Redis, which joins them as it joins nodes. Limits of the whole node are divided between them; limits per client or connection apply to each worker. They need SO_REUSEPORT: Linux or FreeBSD, and Node 22.12 or newer.",
  }),
} as const;
