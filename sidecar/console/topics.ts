/** Which events the console shows, where, and what a viewer's filter finds in them. */

import type { EventKind, SidecarEvent } from "../core/report.ts";

/** Where the page shows it. */
export type Topic = "events" | "refusals" | "authorization" | "requests" | "node";

const ofKind: Readonly<Partial<Record<EventKind, Topic>>> = {
  event_published: "events",
  event_delivered: "events",
  client_event_received: "events",

  handshake_refused: "refusals",
  handshake_misdirected: "refusals",
  error_sent: "refusals",
  authorization_refused: "refusals",
  signature_missing: "refusals",
  client_signature_refused: "refusals",
  publish_refused: "refusals",
  api_asked_elsewhere: "refusals",
  api_app_unknown: "refusals",
  api_signature_refused: "refusals",
  api_body_refused: "refusals",
  request_refused: "refusals",
  proxy_refused: "refusals",
  proxy_failed: "refusals",
  recovery_gap: "refusals",

  authorization_finished: "authorization",
  authorization_withheld: "authorization",
  circuit_breaker_changed: "authorization",

  request_finished: "requests",

  app_away: "node",
  app_back: "node",
  requests_paused: "node",
  requests_resumed: "node",
  redis_connected: "node",
  redis_lost: "node",
  broker_gap: "node",
  node_taken_over: "node",
  recovery_token_shared: "node",
  recovery_state_restored: "node",
  recovery_directory_unusable: "node",
  recovery_state_failed: "node",
  leaving: "node",
  draining: "node",
};

/** Undefined: it is in the figures alone. */
export function topicOf(event: SidecarEvent): Topic | undefined {
  return ofKind[event.kind];
}

/** One of its texts has this in it. @param text in small letters; empty: every event has */
export function isAbout(event: object, text: string): boolean {
  return text === "" || Object.values(event).some((value) => hasText(value, text));
}

function hasText(value: unknown, text: string): boolean {
  if (Array.isArray(value)) return value.some((each) => hasText(each, text));
  return typeof value === "string" && value.toLowerCase().includes(text);
}
