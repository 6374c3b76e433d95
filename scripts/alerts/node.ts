/** Alerts about the process itself. */

import type { Alert } from "./alert.ts";

/** What every Node.js or process exporter has, of sidecars alone. */
const ofSidecars = (expr: string): string => `${expr} and on (job, instance) pogo_build_info`;

export const nodeAlerts: readonly Alert[] = [
  {
    name: "PogoGone",
    expr: "absent(pogo_build_info)",
    for: "5m",
    severity: "critical",
    means: "Prometheus reaches no sidecar at all.",
    next: "Find out whether one runs; if so, whether Prometheus may reach its admin port.",
    more: "`POGO_ADMIN_HOST` is `127.0.0.1` unless set; a name in place of an address needs `POGO_ADMIN_ALLOWED_HOSTS` there. In Kubernetes the NetworkPolicy names the namespace of Prometheus.",
  },
  {
    name: "PogoRestarting",
    expr: ofSidecars("changes(process_start_time_seconds[30m]) > 2"),
    severity: "critical",
    means:
      "{{ $labels.instance }} has started {{ $value }} times in half an hour: each time all its connections end.",
    next: "Look at its last lines and its exit code: `kubectl describe pod`, `journalctl -u pogo-sidecar`.",
    more: "Killed by the kernel: memory, see [operations.md](operations.md#how-much-one-node-takes). Killed by the kubelet: a liveness probe with too short a timeout. Exit codes: [errors.md](errors.md#exit-codes).",
  },
  {
    name: "PogoWorkersEnding",
    expr: 'increase(pogo_worker_exits_total{reason!="stopped"}[30m]) > 2',
    severity: "critical",
    means:
      "Workers of {{ $labels.instance }} end again and again ({{ $labels.reason }}): each time its connections end.",
    next: "Look at the lines `a worker has ended, and is started again` in its log, and at the last line of that worker before each.",
    more: "Only with `POGO_WORKERS`. `killed` is mostly the kernel's, memory: see [operations.md](operations.md#how-much-one-node-takes), and remember that each worker takes as much. `failed` is a bug, or what a worker could not start with again. The other workers go on meanwhile.",
  },
  {
    name: "PogoFilesNearLimit",
    expr: ofSidecars("process_open_fds / process_max_fds > 0.8"),
    for: "5m",
    severity: "critical",
    means:
      "{{ $labels.instance }} has {{ $value | humanizePercentage }} of its open files in use: beyond them connections get no answer, and probes neither.",
    next: "Raise `ulimit -n` (LimitNOFILE, ulimits) above POGO_MAX_CONNECTIONS, or add a node.",
    more: "Each connection takes one, each request that is with the app another. The log warns at the start where the limit is too low.",
  },
  {
    name: "PogoEventLoopLags",
    expr: ofSidecars("nodejs_eventloop_lag_p99_seconds > 0.2"),
    for: "5m",
    severity: "warning",
    means:
      "{{ $labels.instance }} has more to do than its core can: everything is {{ $value | humanizeDuration }} late.",
    next: "Add a node, joined by Redis.",
    more: "`pogo_websocket_deliveries_total` is usually the work. A CPU limit of the container throttles it as well: set a request instead. [operations.md](operations.md#what-to-turn).",
  },
  {
    name: "PogoDrainStuck",
    expr: "pogo_draining == 1",
    for: "15m",
    severity: "warning",
    means: "{{ $labels.instance }} has been stopping for a quarter of an hour.",
    next: "Send it SIGTERM once more, which ends it at once; then look at POGO_DRAIN_DELAY and POGO_SHUTDOWN_TIMEOUT.",
    more: "Both together are how long a stop may take. `pogo_draining` is 1 from the end of `POGO_DRAIN_DELAY` on.",
  },
];
