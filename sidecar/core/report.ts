/**
 * Everything that happens and that an operator may want to know, as one union. Each room reports its own events;
 * `observability/` has the one table from event to metrics and log line.
 */

import type { ApiEvents } from "./report/api.ts";
import type { AuthorizerEvents } from "./report/authorizer.ts";
import type { BrokerEvents } from "./report/broker.ts";
import type { DetailEvents } from "./report/details.ts";
import type { NodeEvents } from "./report/node.ts";
import type { ProxyEvents } from "./report/proxy.ts";
import type { RecoveryEvents } from "./report/recovery.ts";
import type { TracingEvents } from "./report/tracing.ts";
import type { WebhookDeliveryEvents } from "./report/webhooks.ts";
import type { WebSocketEvents } from "./report/websocket.ts";
import type { WorkerEvents } from "./report/workers.ts";
import type { ChannelEvent } from "./ports.ts";

/** From the kind of an event to its fields; one interface a room. */
interface Events
  extends
    NodeEvents,
    WebSocketEvents,
    RecoveryEvents,
    ApiEvents,
    ProxyEvents,
    AuthorizerEvents,
    BrokerEvents,
    WebhookDeliveryEvents,
    WorkerEvents,
    TracingEvents,
    DetailEvents {}

export type EventKind = keyof Events;

/** One event, or one of the named kinds. No field may hold a secret or a person's data: all may be logged. */
export type SidecarEvent<K extends EventKind = EventKind> = {
  [P in K]: { readonly kind: P } & Readonly<Events[P]>;
}[K];

/**
 * Says that something happened. MUST NOT throw, wait or call back; keeps nothing of the event, so that one object may
 * be reported again and again.
 */
export interface Report {
  (event: SidecarEvent): void;
  /**
   * Absent unless `debug` is logged or somebody watches, so that `report.details?.({…})` makes no event that nobody reads.
   * May come and go: to be asked for each time.
   */
  readonly details?: ((event: SidecarEvent<keyof DetailEvents>) => void) | undefined;
  /** What is logged at `trace`; there from the start, or never. */
  readonly wire?: (event: SidecarEvent<keyof DetailEvents>) => void;
  /** Absent unless somebody watches what is in events. Never logged, so it is no `SidecarEvent`. */
  readonly contents?: ((event: ChannelEvent, recipients: number) => void) | undefined;
}
