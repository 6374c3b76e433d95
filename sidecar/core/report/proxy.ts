/** What happens to requests at the front door, and to those that go on to the app. */

/** What can go wrong between the sidecar and the app. */
export type ProxyFault =
  | "connect_failed" // refused, no such socket, name not found
  | "connect_timeout" // no connection within connectTimeoutMs
  | "response_timeout" // no response head within responseTimeoutMs
  | "no_response" // the connection ended before a response
  | "bad_response" // something, but no response that could be relayed
  | "head_too_large" // a response head of more than maxHeadBytes
  | "response_cut" // the body broke off: the client's connection ends too, so that it notices
  | "not_sent"; // the request could not be made; a bug

/** Why a request or a handshake was not passed on to the app. */
export type ProxyRefusal =
  | "queue_full" // as many wait as may, or the visitor who waits with the most gave way to another one
  | "queue_timeout" // nothing came free in time
  | "away_queue_full" // as many wait for the app as may, or the visitor who waits with the most gave way to another one
  | "away_timeout" // no connection to the app could be made in time
  | "too_many_websockets"; // as many WebSockets of the app pass through as may

/** Why a request was refused before anybody looked at what it asks for. */
export type RequestRefusal =
  | "duplicate_field" // two values where one is meant
  | "expectation" // Expect, other than 100-continue
  | "framing" // where the body ends is uncertain, or it is in an unknown transfer coding
  | "handshake" // a WebSocket handshake with a body, or that is no GET
  | "head_too_large" // longer than maxHeaderBytes, or of more than 1000 fields
  | "host" // none, or one that names no host
  | "malformed" // Node's parser could not read it
  | "method" // TRACE, CONNECT, or one that HTTP does not know
  | "pipelining" // more requests behind an unanswered one than may wait
  | "target" // none of the forms of RFC 9112 §3.2
  | "tls" // the beginning of a TLS connection, on a port without TLS
  | "timeout" // its head or its body took too long to arrive
  | "version"; // neither 1.1 nor 1.0

export interface ProxyEvents {
  /**
   * A peer that POGO_TRUSTED_PROXIES does not list has sent X-Forwarded-For or -Proto. `peer`: its address in a private network, or
   * `unix`; null: it comes from elsewhere.
   */
  forwarded_for_ignored: { peer: string | null };
  /** A field with a `_` in its name was not passed on to the app. */
  field_dropped: { name: string };
  /** A request was refused before anybody looked at what it asks for. */
  request_refused: {
    reason: RequestRefusal;
    status: number;
    /** Null, as all of the three: its head was not read to the end. */
    id: string | null;
    method: string | null;
    path: string | null;
  };
  /** A line of the access log. */
  request_finished: {
    level: "info" | "debug";
    /** Null, as all that is not known: its head was not read to the end. */
    id: string | null;
    method: string | null;
    /** Without the query, which may hold a signature. */
    path: string | null;
    /** As sent to the client; 499: it left before the answer was complete. */
    status: number;
    /** Written to the connection, the head included. */
    bytes: number | null;
    /** From the request's head to the first and to the last byte of the answer. */
    firstByteMs: number | null;
    durationMs: number | null;
    /** The client's address, as far as trusted proxies say it. */
    client: string | null;
    /** Where the app was asked; null: it was not. */
    upstream: string | null;
    /** Where it is recorded. */
    traceId: string | null;
    /** Lines of failed requests that were left out before this one. */
    suppressed: number;
  };
  /** There was no connection to the app to be had, the first time since there was one: requests wait for it. */
  app_away: {
    address: string;
    /** In words; names upstream addresses, so it is not for clients. */
    cause: string;
  };
  /** There is a connection to the app again. */
  app_back: {
    afterMs: number;
    /** Requests that waited for it, for a while or in vain. */
    waited: number;
  };
  /** New requests wait for so long, for the operator asked for it; `isForGood`: the node ends before, and refuses them. */
  requests_paused: { forMs: number; isForGood: boolean };
  /** They go on. */
  requests_resumed: { afterMs: number; waiting: number };
  /** A request or a handshake was answered 503, for the app has enough to do, or is not there. */
  proxy_refused: { reason: ProxyRefusal };
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
    id: string;
    method: string;
    /** Without the query. */
    path: string;
    /** As sent to the client. */
    status: number;
    fault: ProxyFault;
    /** In words; names upstream addresses, so it is not for clients. */
    cause: string;
  };
}
