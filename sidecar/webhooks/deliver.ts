/** One POST to an endpoint, and whether it was accepted. */

import type { DeliveryFault } from "../core/report/webhooks.ts";
import { createPostClient } from "../http/client.ts";
import type { Clock } from "./clock.ts";
import type { WebhookTarget } from "./target.ts";

export type Delivery =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly fault: DeliveryFault };

export interface WebhookClient {
  /**
   * Always resolves, never rejects, within `timeoutMs`. The status decides; of the body that follows some is read, so
   * that the connection can be kept, and nothing is kept. One call at a time. The endpoint may get a batch twice, as with
   * any retry.
   */
  post(body: Buffer, headers: Readonly<Record<string, string>>): Promise<Delivery>;
  /** Cuts what is under way, and all connections. */
  close(): void;
}

export interface WebhookClientOptions {
  readonly target: WebhookTarget;
  /** For all of it: connecting, sending, the last byte of the answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A longer answer costs its connection. */
const maxAnswerBytes = 65_536;

export function createWebhookClient(options: WebhookClientOptions): WebhookClient {
  const { target, timeoutMs, clock } = options;
  const client = createPostClient({
    isSecure: target.isSecure,
    target: target.request,
    deadlineMs: timeoutMs,
    maxConnections: 1,
    maxAnswerBytes,
    timers: clock,
  });

  async function post(body: Buffer, headers: Record<string, string>): Promise<Delivery> {
    const result = await client.post({ headers, body });
    if (!result.ok) return result;
    const { status } = result;
    if (status >= 200 && status < 300) return { ok: true, status };
    return { ok: false, fault: { kind: "status", status } };
  }

  return { post, close: () => client.close() };
}
