/** Alerts about WebSocket connections: those that are refused, cut, or nearly too many. */

import type { Alert } from "./alert.ts";

export const connectionAlerts: readonly Alert[] = [
  {
    name: "PogoConnectionsNearLimit",
    expr: "sum without (app_id) (pogo_websocket_connections_active) / pogo_websocket_connections_max > 0.8",
    for: "5m",
    severity: "warning",
    means:
      "{{ $labels.instance }} has {{ $value | humanizePercentage }} of the connections that it takes.",
    next: "Add a node, or raise `POGO_MAX_CONNECTIONS` if CPU, memory and open files have room.",
    more: "Beyond it clients are closed with 4100, upon which they come back later by themselves. How much one node takes: [operations.md](operations.md#how-much-one-node-takes).",
  },
  {
    name: "PogoHandshakesRefused",
    expr: 'increase(pogo_websocket_handshakes_refused_total{reason!="draining"}[5m]) > 10',
    severity: "warning",
    means: "{{ $labels.instance }} refuses connections: {{ $labels.reason }}.",
    next: "Look the reason up: `unknown_key` and `origin` are settings of the page or the app, `rate_limit` behind a load balancer is POGO_TRUSTED_PROXIES, the others are limits.",
    more: "The log has the key or the origin that was sent. All reasons: [metrics.md](metrics.md#pogo_websocket_handshakes_refused_total). Right after a release of the front end `unknown_key` is a page that was built with another `.env`.",
  },
  {
    name: "PogoConnectionsCut",
    expr: "increase(pogo_websocket_connections_cut_total[10m]) > 0",
    severity: "warning",
    means:
      "{{ $labels.instance }} cuts the slowest clients of app {{ $labels.app_id }}: the memory for what waits for clients is used up.",
    next: "Raise `POGO_OUTBOUND_TOTAL_BYTES` if there is memory, else make events smaller or add a node.",
    more: "`pogo_websocket_queued_bytes` shows how it came about: a jump is one large event for many, a slow rise is a network that takes no more.",
  },
];
