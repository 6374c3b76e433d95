/** What every client of the matrix can be told to do, whichever library is below it. */

import type { Inbox } from "../support/inbox.ts";

/** A user; also what the others in a presence channel are told (`user_info`), as with Laravel. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  /** The app's endpoints, reached through the sidecar. */
  readonly authEndpoint: string;
  readonly userAuthEndpoint: string;
  /** Tells the app who it is. */
  readonly bearerToken: string;
}

/** `pusher:error` or a close, as the library tells its user; no code: the library's own trouble. */
export interface ClientError {
  readonly code: number | undefined;
  readonly message: string;
}

/** It connects as soon as it is made. */
export interface Client {
  /** The socket id, once it is connected. */
  connected(): Promise<string>;
  /** Subscribes. */
  channel(name: string): ClientChannel;
  /** Resolves with the user's id when the sidecar has confirmed it. */
  signIn(): Promise<string>;
  /** The same, after a reconnect: nobody has to ask for it. */
  signedInAgain(): Promise<string>;
  /** What is sent to the user under that name. */
  userEvents(event: string): Inbox<unknown>;
  /** `online {id}` or `offline {id}`, one for each user of the watchlist. */
  readonly watchlist: Inbox<string>;
  readonly errors: Inbox<ClientError>;
  /** Resolves when it is not connected and will not try again by itself. */
  gaveUp(): Promise<void>;
  /** For good. */
  close(): void;
}

export interface ClientChannel {
  /** @throws when it was refused */
  subscribed(): Promise<void>;
  /** The status that it was refused with. @throws when it was subscribed */
  refused(): Promise<number | undefined>;
  /** Called at every subscription from now on: the next is that after a reconnect. */
  onSubscribed(callback: () => void): void;
  /** `data` of the events of that name, decoded. */
  events(event: string): Inbox<unknown>;
  /** `data` of the others' client events, the name without `client-`. */
  clientEvents(event: string): Inbox<unknown>;
  sendClientEvent(event: string, data: object): void;
  /** Everybody who is in a presence channel, told on subscribing. */
  readonly here: Inbox<readonly Person[]>;
  readonly joined: Inbox<Person>;
  readonly left: Inbox<Person>;
  readonly cacheMisses: Inbox<unknown>;
  readonly subscriptionCounts: Inbox<number>;
  leave(): void;
}

/** How a subscribe ended. */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string; readonly status?: number | undefined };

/** `subscribed` and `refused` of a channel whose outcomes come in there. */
export function outcomeReaders(
  outcomes: Inbox<Outcome>,
): Pick<ClientChannel, "subscribed" | "refused"> {
  return {
    subscribed: async () => {
      const outcome = await outcomes.next();
      if (!outcome.ok) throw new Error(`refused with ${outcome.status}: ${outcome.error}`);
    },
    refused: async () => {
      const outcome = await outcomes.next();
      if (outcome.ok) throw new Error("it was subscribed");
      return outcome.status;
    },
  };
}
