/** The catalogue of protocol errors: what is sent, and whether the connection ends with it. */

/**
 * `code` and `message` go out as `pusher:error`; with `closeCode` the frame is followed by a WebSocket close.
 * What a close code makes pusher-js do: 4000–4099 never reconnect, 4100–4199 reconnect after 1 s,
 * 4200–4299 reconnect at once, 4300 and above never again. Hence recoverable causes close in 4100–4299 only.
 */
export interface ProtocolError {
  readonly code: number;
  readonly message: string;
  readonly closeCode?: number;
}

export const errors = {
  applicationDoesNotExist: {
    code: 4001,
    message: "Application does not exist",
    closeCode: 4001,
  },
  overConnectionQuota: {
    code: 4004,
    message: "Application is over connection quota",
    closeCode: 4004,
  },
  originNotAllowed: { code: 4009, message: "Origin not allowed", closeCode: 4009 },
  terminated: { code: 4009, message: "Connection terminated by the application", closeCode: 4009 },
  unauthorized: { code: 4009, message: "Connection is unauthorized" },
  notAMember: { code: 4009, message: "The client is not a member of the specified channel." },
  clientEventNotAllowedHere: {
    code: 4009,
    message: "Client events are only allowed on private and presence channels without encryption.",
  },
  overCapacity: { code: 4100, message: "Server is over capacity", closeCode: 4100 },
  slowConsumer: { code: 4100, message: "Connection is too slow", closeCode: 4100 },
  invalidMessageFormat: { code: 4200, message: "Invalid message format" },
  invalidChannelName: { code: 4200, message: "Invalid channel name" },
  pongTimeout: { code: 4201, message: "Pong reply not received in time", closeCode: 4201 },
  // Without a close, nor one that would make a client give up: asking again later may help.
  authenticationUnavailable: { code: 4202, message: "Authentication is unavailable" },
  clientEventsDisabled: {
    code: 4301,
    message: "The app does not have client messaging enabled.",
  },
  rateLimitExceeded: { code: 4301, message: "Rate limit exceeded" },
  tooManyChannels: { code: 4302, message: "Too many channels on this connection" },
  presenceChannelFull: { code: 4303, message: "Presence channel is full" },
  memberTooLarge: { code: 4304, message: "Presence member is too large" },
  watchlistTooLong: { code: 4305, message: "Watchlist has more than 100 users" },
  // Same frame; the close is 4100, since pusher-js would never come back after a 43xx.
  rateLimitTerminated: { code: 4301, message: "Rate limit exceeded", closeCode: 4100 },
} as const satisfies Record<string, ProtocolError>;

/** Sent to every connection when the node stops: pusher-js reconnects at once, to another node. */
export const shutdownClose = { code: 4200, reason: "Server is shutting down" } as const;
