/** What happens to requests that go on to the app. */

/** What can go wrong between the sidecar and the app. */
export type ProxyFault =
  | "connect_failed" // refused, no such socket, name not found
  | "connect_timeout" // no connection within connectTimeoutMs
  | "response_timeout" // no response head within responseTimeoutMs
  | "no_response" // the connection ended before a response
  | "bad_response" // something, but no response that could be relayed
  | "response_cut" // the body broke off: the client's connection ends too, so that it notices
  | "not_sent"; // the request could not be made; a bug

export interface ProxyEvents {
  /** A request was answered, or a WebSocket handshake. */
  proxy_finished: {
    method: string;
    /** As sent to the client; 499: it left before the response was complete. */
    status: number;
    /** Until the response was complete, or the handshake answered. */
    durationMs: number;
  };
  /** The app did not answer properly. */
  proxy_failed: {
    method: string;
    /** As sent to the client. */
    status: number;
    fault: ProxyFault;
    /** In words; names upstream addresses, so it is not for clients. */
    cause: string;
  };
}
