/** Metrics of a supervisor and its workers. */

import type { Define } from "../metric.ts";

export function workerMetrics({ counter, reading }: Define) {
  return {
    listening: reading({
      name: "pogo_workers",
      help: "Workers that listen, with POGO_WORKERS.",
      unit: "processes",
      moves: "Up when a worker listens, down when one ends.",
      action: "Below POGO_WORKERS for longer than a minute: the log says how a worker ended.",
    }),
    exits: counter({
      name: "pogo_worker_exits_total",
      help: "Workers that ended while the sidecar was to go on; each was started again.",
      unit: "processes",
      moves: "When a worker ends by itself or by a signal, a stop of the whole sidecar left out.",
      action:
        "Read the worker's last lines in the log. Killed by SIGKILL is mostly the memory limit: raise it, or lower POGO_WORKERS.",
      labels: {
        reason: {
          failed: "It ended with an exit code: a bug, or it could not start again.",
          killed: "A signal ended it, such as the kernel's SIGKILL when memory is short.",
          timed_out: "It had not opened its port within a minute, and was killed for that.",
          stopped: "It stopped in order, asked by SIGTERM to the worker itself.",
        },
      },
    }),
  };
}
