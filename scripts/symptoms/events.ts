/** Events as they may happen, for the lines that `docs/troubleshooting.md` shows of them. */

import type { SidecarEvent } from "../../sidecar/core/report.ts";

export const appId = "123456";

/** Who asked for what. */
export const requested = { appId, socketId: "1.2", channel: "private-a" };

export function finished(
  outcome: SidecarEvent<"authorization_finished">["outcome"],
): SidecarEvent<"authorization_finished"> {
  const asked = { ...requested, status: null, outcome, durationMs: 12 };
  return { kind: "authorization_finished", ...asked, isTriedAgain: false };
}

export function error(code: number, reason: SidecarEvent<"error_sent">["reason"]): SidecarEvent {
  return { kind: "error_sent", ...requested, code, reason };
}

export function gap(reason: SidecarEvent<"recovery_gap">["reason"]): SidecarEvent {
  return { kind: "recovery_gap", appId, socketId: "1.2", channel: "orders.7", reason };
}

export function failed(
  fault: SidecarEvent<"proxy_failed">["fault"],
  status: number,
  cause: string,
): SidecarEvent {
  return { kind: "proxy_failed", id: "…", method: "GET", path: "/", status, fault, cause };
}

/** A request whose head was not read to the end. */
export function unread(
  reason: SidecarEvent<"request_refused">["reason"],
  status: number,
): SidecarEvent {
  return { kind: "request_refused", reason, status, id: null, method: null, path: null };
}

export function webhook(fault: SidecarEvent<"webhook_failed">["fault"]): SidecarEvent {
  const more = { appId, endpoint: "upstream", events: 3, failures: 2, retryInMs: 1000 };
  return { kind: "webhook_failed", fault, ...more };
}

export function dropped(reason: SidecarEvent<"webhook_dropped">["reason"]): SidecarEvent {
  return { kind: "webhook_dropped", appId, endpoint: "upstream", events: 1, reason };
}
