/** What every server of the matrix can be told to do, whichever library is below it. */

import type { Inbox } from "../support/inbox.ts";
import type { Person } from "./client.ts";
import type { Signer } from "./native-client.ts";

export interface Publish {
  readonly channel: string;
  /** Arrives as `{ text }`, under the server's own event name. */
  readonly text: string;
  /** The connection that is left out. */
  readonly except?: string;
}

/** What the sidecar posted. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Server {
  /** What its events are called on the wire. */
  readonly eventName: string;
  publish(event: Publish): Promise<void>;
  /** One call. */
  publishToMany(channels: readonly string[], text: string): Promise<void>;
  publishBatch(events: readonly Publish[]): Promise<void>;
  /** The occupied presence channels with that prefix, and how many users are in each. */
  presenceChannels(prefix: string): Promise<Readonly<Record<string, { user_count: number }>>>;
  channelInfo(channel: string): Promise<{ occupied: boolean; subscription_count?: number }>;
  /** Ids of who is in a presence channel. */
  users(channel: string): Promise<readonly string[]>;
  sendToUser(id: string, text: string): Promise<void>;
  terminate(id: string): Promise<void>;
  /** The events of a webhook. @throws `invalid signature` when it is not the sidecar's */
  webhook(request: WebhookRequest): Promise<readonly object[]>;
  /** Signs for that user. */
  signer(person: Person): Signer;
}

/** A server with a sidecar that it talks to. */
export interface RunningServer {
  readonly server: Server;
  /** Where clients find the sidecar, and which app they name. */
  readonly sidecar: { readonly host: string; readonly port: number; readonly key: string };
  /** What came to the sidecar's webhook endpoint, of channels named `occupied-…`. */
  readonly webhooks: Inbox<WebhookRequest>;
  stop(): Promise<void>;
}
