/** What happens to requests of the HTTP API. */

import type { PublishFault } from "../ports.ts";

/** What is wrong with the signature of a request. */
export type SignatureRefusal =
  | "auth_key"
  | "auth_version"
  | "auth_timestamp"
  | "auth_signature"
  | "body_md5"; // the body is not the one that was signed

/** Why the body of a request was not read to its end; one that is too long is a `publish_refused`. */
export type BodyRefusal = "too_slow" | "node_budget" | "visitor_budget";

/** The routes below `/apps/{id}/`. */
export type ApiRoute =
  | "events"
  | "batch_events"
  | "channels"
  | "channels/{channel}"
  | "channels/{channel}/users"
  | "connections"
  | "users/{user}/terminate_connections";

export interface ApiEvents {
  /** Answered, whatever it was. `durationMs`: from its head to its answer. */
  api_request_finished: { route: ApiRoute; status: number; durationMs: number };
  /** The broker has taken the events of a request: so many, counted for each channel. */
  messages_published: { appId: string; messages: number; validateMs: number; brokerMs: number };
  /** Answered 404: the API is served on its Unix socket only. */
  api_asked_elsewhere: {};
  /** Answered 404: no app has the id in the path. */
  api_app_unknown: { sentAppId: string };
  /** None of the request's events were published, or an event of Laravel's `redis` driver was not. */
  publish_refused: { appId: string; reason: PublishFault; isFromRedis?: true };
  /** Answered 401. */
  api_signature_refused: { appId: string; reason: SignatureRefusal };
  /** Answered 408, 429 or 503. */
  api_body_refused: { appId: string; reason: BodyRefusal };
}
