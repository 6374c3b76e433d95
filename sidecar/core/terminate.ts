/** Closes an unwanted connection for good: for the API, or for the console. */

import type { Connection } from "./connection.ts";
import { errors } from "./errors.ts";

/** The hub that has the connection. */
interface Owner {
  unsubscribe(connection: Connection, name: string): void;
  disconnect(connection: Connection, code: number): void;
}

/** Closes it with 4009, upon which clients don't come back by themselves. */
export function terminate(hub: Owner, connection: Connection): void {
  connection.fail(errors.terminated);
  // Not a broken connection, which its member may outlive for a while.
  for (const name of connection.subscriptions.keys()) hub.unsubscribe(connection, name);
  hub.disconnect(connection, errors.terminated.closeCode);
}
