/** Alerts about Redis and the other nodes. */

import type { Alert } from "./alert.ts";

export const redisAlerts: readonly Alert[] = [
  {
    name: "PogoRedisLost",
    expr: "pogo_broker_up == 0",
    for: "1m",
    severity: "critical",
    means: "{{ $labels.instance }} has lost Redis: publishing fails until it is back.",
    next: "Bring Redis back; `/pogo/health` on the admin port says what is wrong with it.",
    more: "Connections stay, client events reach this node alone, and `/readyz` says no unless `POGO_READY_WITHOUT_REDIS` is set. When Redis is back everything is restored by itself, and what was published elsewhere meanwhile is read from its log.",
  },
  {
    name: "PogoRedisBroadcastsLost",
    expr: "pogo_redis_broadcasts_up == 0",
    for: "1m",
    severity: "critical",
    means:
      "{{ $labels.instance }} gets nothing of what Laravel's redis driver publishes: these events do not reach its clients.",
    next: "Bring back the Redis that Laravel broadcasts to.",
    more: "What is published meanwhile is lost for this node's clients: Redis' pub/sub keeps nothing.",
  },
  {
    name: "PogoEventsMissing",
    expr: "increase(pogo_broker_gaps_total[1h]) > 0",
    severity: "warning",
    means:
      "{{ $labels.instance }} was away from Redis for longer than its log reaches back: clients of app {{ $labels.app_id }} may have missed events.",
    next: "Find out whether Redis was emptied, or away for long; pages that were open may need a reload.",
    more: "Redis must not evict (`maxmemory-policy noeviction`), and must not be flushed while nodes are connected. [scaling.md](scaling.md) has how far the log reaches.",
  },
  {
    name: "PogoNodeDied",
    expr: "increase(pogo_node_takeovers_total[1h]) > 0",
    severity: "warning",
    means:
      "A node ended without saying so, and {{ $labels.instance }} removed its members from app {{ $labels.app_id }}.",
    next: "Look at the node that the log names: was it killed, out of memory, or cut off from the network?",
    more: "`OOMKilled` means a memory limit below what it needs; exit by SIGKILL means that whoever stops it waits for less than `POGO_DRAIN_DELAY` and `POGO_SHUTDOWN_TIMEOUT` together: [operations.md](operations.md#a-stop).",
  },
  {
    name: "PogoNodesApart",
    expr: "pogo_cluster_nodes < on (job) group_left () count by (job) (pogo_cluster_nodes)",
    for: "10m",
    severity: "warning",
    means:
      "{{ $labels.instance }} sees {{ $value }} nodes, fewer than there are: events of the others do not reach its clients.",
    next: "Compare POGO_REDIS_HOST, POGO_REDIS_DB and POGO_REDIS_PREFIX of the nodes: they must be the same.",
    more: "It compares the nodes of one scrape job; where one job scrapes several clusters, give each its own.",
  },
];
