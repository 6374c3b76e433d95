/** What happens to webhooks on their way to an endpoint. */

/** Why events were not delivered. */
export type WebhookDropReason =
  | "queue_full" // its kind has most of the queue for its share
  | "displaced" // it waited already, and gave way to another kind that had less than its share
  | "connection_limit" // a client event of a connection that has its share of the queue
  | "gave_up"
  | "shutdown";

/** Why an attempt failed. `code` is Node's: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, … */
export type DeliveryFault =
  | { readonly kind: "status"; readonly status: number } // none of 2xx; redirects are not followed
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" } // by the stop of the node
  | { readonly kind: "connection"; readonly code: string };

interface ToEndpoint {
  appId: string;
  /** Host and port, or `upstream`; never the URL, which may hold a secret. */
  endpoint: string;
  events: number;
}

export interface WebhookDeliveryEvents {
  webhook_delivered: ToEndpoint & { status: number; durationMs: number };
  /** One attempt. `failures`: in a row, this one included. `retryInMs` null: the batch was given up, and dropped. */
  webhook_failed: ToEndpoint & {
    fault: DeliveryFault;
    failures: number;
    retryInMs: number | null;
  };
  /** Counted for each endpoint: an event that two of them miss is dropped twice. */
  webhook_dropped: ToEndpoint & { reason: WebhookDropReason };
}
