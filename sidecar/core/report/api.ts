/** What happens to requests of the HTTP API. */

import type { PublishFault } from "../ports.ts";

/** What is wrong with the signature of a request. */
export type SignatureRefusal = "auth_key" | "auth_version" | "auth_timestamp" | "auth_signature";

export interface ApiEvents {
  /** None of the request's events were published. */
  publish_refused: { appId: string; reason: PublishFault };
  /** Answered 401. */
  api_signature_refused: { appId: string; reason: SignatureRefusal };
}
