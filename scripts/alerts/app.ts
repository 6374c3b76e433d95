/** Alerts about the app behind: whether it can be had, and whether it keeps up. */

import type { Alert } from "./alert.ts";

export const appAlerts: readonly Alert[] = [
  {
    name: "PogoAppAway",
    expr: "pogo_upstream_up == 0",
    for: "1m",
    severity: "critical",
    means:
      "The app behind {{ $labels.instance }} cannot be connected to for longer than a restart takes.",
    next: "Start the app; the sidecar's log says `the app does not answer: requests wait for it`, and why.",
    more: "Pages wait for `POGO_UPSTREAM_WAIT`, then they are answered 503. Connections stay, and events that queue workers publish are delivered. In a pod look at the app's container (`kubectl logs POD -c app --previous`); elsewhere at whether it listens where `POGO_UPSTREAM` says. `pogo-sidecar doctor` tries it.",
  },
  {
    name: "PogoRequestsHeld",
    expr: "pogo_proxy_requests_paused == 1",
    for: "3m",
    severity: "warning",
    means: "{{ $labels.instance }} keeps new requests waiting because a deployment asked for it.",
    next: "Run `pogo-sidecar release`, then find out why the deployment's script did not.",
    more: "A hold ends by itself, so that an alert means that one follows another. [deploys.md](deploys.md) has a script that releases whatever happens in between.",
  },
  {
    name: "PogoAppFailing",
    expr: "sum without (fault) (rate(pogo_proxy_faults_total[5m])) / sum without (code) (rate(pogo_proxy_requests_total[5m])) > 0.01",
    for: "5m",
    severity: "warning",
    means:
      "More than 1 % of the pages of {{ $labels.instance }} end with 502 or 504, or break off.",
    next: "Look at the field `cause` of the lines `the upstream did not answer a request properly` in the sidecar's log.",
    more: "`pogo_proxy_faults_total` has them by `fault`. `response_timeout`: a page takes longer than `POGO_UPSTREAM_RESPONSE_TIMEOUT`. `no_response`, `response_cut`: a worker ended, often by its memory limit. Statuses of 500 and above that the app answered itself are in `pogo_proxy_requests_total` by `code`, and in the app's own log.",
  },
  {
    name: "PogoAppTooBusy",
    expr: "increase(pogo_proxy_refused_total[5m]) > 10",
    severity: "critical",
    means:
      "{{ $labels.instance }} answers requests with 503 ({{ $labels.reason }}): the app is busy or away.",
    next: "Give the app more workers; if the reason begins with `away_`, start it.",
    more: "The label `reason` names the bound: [metrics.md](metrics.md#pogo_proxy_refused_total). Raise `POGO_MAX_UPSTREAM_CONNECTIONS` only up to what PHP has workers for: beyond that requests wait there instead of here.",
  },
  {
    name: "PogoAppSlow",
    expr: "min_over_time(pogo_proxy_requests_waiting[5m]) > 0",
    severity: "warning",
    means:
      "Requests have waited at {{ $labels.instance }} for a free connection to the app for five minutes.",
    next: "Give the app more workers, then raise `POGO_MAX_UPSTREAM_CONNECTIONS` to their number.",
    more: "It comes before `PogoAppTooBusy`. A page that got slow shows in `pogo_proxy_request_duration_seconds`, and in the access log (`POGO_ACCESS_LOG=all`) by its path.",
  },
  {
    name: "PogoBreakerOpen",
    expr: 'max_over_time(pogo_websocket_circuit_breaker_state{state="closed"}[2m]) == 0',
    severity: "critical",
    means:
      "Nobody new gets into the private channels of app {{ $labels.app_id }} at {{ $labels.instance }}: the app did not answer when it was asked.",
    next: "Find out whether PHP is up and has workers free; the sidecar's log says how the last questions failed.",
    more: "Who is subscribed stays so, and subscriptions with a signature are not concerned. The breaker tries again by itself (`POGO_AUTH_BREAKER_TIMEOUT`) and closes with the first answer. The way: [authorization.md](authorization.md).",
  },
  {
    name: "PogoAuthorizationFailing",
    expr: 'increase(pogo_websocket_auth_failures_total{reason!~"forbidden|aborted|too_many_failures"}[10m]) > 5',
    severity: "warning",
    means:
      "Subscriptions to app {{ $labels.app_id }} at {{ $labels.instance }} fail for another reason than the app's no: {{ $labels.reason }}.",
    next: "Look the reason up in docs/errors.md, under “Why an authorization was refused”: it says which setting it is.",
    more: "[errors.md](errors.md#why-an-authorization-was-refused) has every reason. Most are one setting: a route that is missing, CSRF, a login redirect, another key. Right after a deployment it is what the deployment changed.",
  },
  {
    name: "PogoAuthorizationSlow",
    expr: "min_over_time(pogo_websocket_auth_waiting[5m]) > 0",
    severity: "warning",
    means:
      "Authorizations for app {{ $labels.app_id }} have waited at {{ $labels.instance }} for five minutes.",
    next: "Give the app more workers, then raise `POGO_MAX_CONCURRENT_AUTH` to somewhat more than their number.",
    more: "`pogo_websocket_auth_duration_seconds` says how long the app takes for one. After a restart of many connections all ask at once: that passes.",
  },
];
