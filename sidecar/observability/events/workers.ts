/** Events of the workers of a sidecar that has several. */

import type { WorkerEvents } from "../../core/report/workers.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

type Exited = WorkerEvents["worker_exited"];

export function workerRows({ workers }: Metrics): Rows<keyof WorkerEvents> {
  return {
    workers_listening: {
      log: {
        level: "info",
        message: "all workers listen",
        fields: ({ workers, port, adminPort }) => ({ workers, port, admin_port: adminPort }),
      },
    },
    worker_exited: {
      count: (event) => workers.exits.inc({ reason: reasonOf(event) }),
      log: {
        level: (event) => (reasonOf(event) === "stopped" ? "info" : "error"),
        message: "a worker has ended, and is started again",
        fields: ({ worker, code, signal, error, uptimeMs, restartInMs }) => ({
          worker,
          ...(code !== null && { exit_code: code }),
          ...(signal !== null && { signal }),
          ...(error !== null && { error }),
          uptime_ms: uptimeMs,
          restart_in_ms: restartInMs,
        }),
        hint: (event) => (event.error === null ? hints[reasonOf(event)] : notStarted),
      },
    },
    worker_stop_timed_out: {
      log: {
        level: "error",
        message: "a worker did not stop in time, and is killed",
        fields: ({ worker, timeoutMs }) => ({ worker, timeout_ms: timeoutMs }),
        hint: "its clients are cut off; its own last lines say what it was doing",
      },
    },
  };
}

const notStarted =
  "the system did not start it: EAGAIN and ENOMEM are its limits of processes and memory, the memory limit of the container among them";

const hints: Readonly<Record<ReturnType<typeof reasonOf>, string | undefined>> = {
  failed: "its own last line says why; the other workers go on",
  timed_out:
    "it had not opened its port in time, and was killed: its own last lines say what it waited for",
  killed:
    "SIGKILL is mostly the kernel's, out of memory: raise the memory limit, or lower POGO_WORKERS",
  stopped: undefined,
};

function reasonOf({ code, signal, hasTimedOut }: Exited) {
  if (hasTimedOut) return "timed_out";
  if (signal !== null) return "killed";
  return code === 0 ? "stopped" : "failed";
}
