/**
 * What is only logged, at `debug` or `trace`, and shown in the console: reported by `report.details` and `report.wire`,
 * which are absent while nobody reads them. Details have names and sizes only; contents of messages and header fields
 * are for `trace` alone, after secrets were removed.
 */

import type { AuthorizationFault } from "../ports.ts";

export interface DetailEvents {
  /** The broker has taken an event from the HTTP API, for all of these channels. */
  event_published: {
    appId: string;
    event: string;
    channels: readonly string[];
    /** Of its data, as JSON. */
    bytes: number;
  };
  /** An event of the app or of a client, sent to so many connections of this node. */
  event_delivered: {
    appId: string;
    event: string;
    channel: string;
    bytes: number;
    recipients: number;
  };
  /** Taken, and passed on. */
  client_event_received: {
    appId: string;
    socketId: string;
    event: string;
    channel: string;
    bytes: number;
  };
  /** The app was asked. `status`: of its answer; null: it gave none. `channel` is null for a signin. */
  app_asked: {
    appId: string;
    socketId: string;
    path: string;
    channel: string | null;
    status: number | null;
    outcome: AuthorizationFault | "ok";
    durationMs: number;
  };
  /** On the wire of one client; `text` has its secrets cut. */
  message_received: { appId: string; socketId: string; text: string };
  message_sent: { appId: string; socketId: string; text: string };
  /** The head of a request or handshake; values that may be secret are cut. */
  request_received: {
    id: string;
    method: string;
    path: string;
    /** Names and values in turn. */
    fields: readonly string[];
  };
}
