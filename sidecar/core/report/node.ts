/** What happens to the node itself. */

/** What the console can do to an app. */
export type ConsoleAction =
  | "disconnect" // a connection was closed
  | "publish" // a test event was published
  | "replay"; // the app was asked once more about a refused subscribe

export interface NodeEvents {
  /** Both ports are open. */
  listening: {
    /** Of the public port: `127.0.0.1:8080`, `unix:/run/pogo.sock`. */
    address: string;
    /** Path of the API's own Unix socket; null: there is none. */
    apiSocket: string | null;
    port: number;
    adminPort: number;
    /** Null: nothing is proxied. */
    upstream: string | null;
    appIds: readonly string[];
  };
  /** The process may open fewer files than it takes connections: beyond them new ones get no answer at all. */
  open_files_limited: { limit: number; maxConnections: number };
  /** A connection was ended at once: all files are open that the process may open, but for a reserve. */
  open_files_exhausted: { limit: number };
  /** A client IP had as many connections as it may have: one more was ended at once. */
  connection_refused: { limit: number };
  /** A stop was asked for: readiness says no, and everything goes on for the drain delay. */
  leaving: { delayMs: number };
  /** No new connections are taken; those that are open are closed one by one. */
  draining: {
    /** WebSockets of the protocol. */
    connections: number;
    /** Requests that the app works on, or that wait for it. */
    requests: number;
    /** WebSockets of the app itself. */
    tunnels: number;
  };
  /** The shutdown timeout is over, and something was still open. */
  drain_timed_out: {};
  stopped: {};
  /** Somebody has changed something by the console. */
  console_used: { appId: string; action: ConsoleAction };
  /** Somebody has tried to log in to the console with a token that is not the right one. */
  console_login_refused: {};
}
