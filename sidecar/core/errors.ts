/** The catalogue of protocol errors: what is sent, and whether the connection ends with it. */

/**
 * `code` and `message` go out as `pusher:error`; with `closeCode` the frame is followed by a WebSocket close.
 * What a close code makes pusher-js do: 4000–4099 never reconnect, 4100–4199 reconnect after 1 s,
 * 4200–4299 reconnect at once, 4300 and above never again. Hence recoverable causes close in 4100–4299 only.
 */
export interface ProtocolError extends Row {
  readonly reason: ErrorReason;
}

/** What an error is called in the metrics, where a code is several things. */
export type ErrorReason =
  | (typeof errors)[keyof typeof errors]["reason"]
  | (typeof messageTooLong)["reason"];

interface Row {
  readonly reason: string;
  readonly code: number;
  readonly message: string;
  readonly closeCode?: number;
}

export const errors = {
  applicationDoesNotExist: {
    reason: "application_does_not_exist",
    code: 4001,
    message: "Application does not exist",
    closeCode: 4001,
  },
  overConnectionQuota: {
    reason: "over_connection_quota",
    code: 4004,
    message: "Application is over connection quota",
    closeCode: 4004,
  },
  originNotAllowed: {
    reason: "origin_not_allowed",
    code: 4009,
    message: "Origin not allowed",
    closeCode: 4009,
  },
  terminated: {
    reason: "terminated",
    code: 4009,
    message: "Connection terminated by the application",
    closeCode: 4009,
  },
  unauthorized: { reason: "unauthorized", code: 4009, message: "Connection is unauthorized" },
  notAMember: {
    reason: "not_a_member",
    code: 4009,
    message: "The client is not a member of the specified channel.",
  },
  clientEventNotAllowedHere: {
    reason: "client_event_not_allowed_here",
    code: 4009,
    message: "Client events are only allowed on private and presence channels without encryption.",
  },
  overCapacity: {
    reason: "over_capacity",
    code: 4100,
    message: "Server is over capacity",
    closeCode: 4100,
  },
  slowConsumer: {
    reason: "slow_consumer",
    code: 4100,
    message: "Connection is too slow",
    closeCode: 4100,
  },
  invalidMessageFormat: {
    reason: "invalid_message_format",
    code: 4200,
    message: "Invalid message format",
  },
  invalidChannelName: {
    reason: "invalid_channel_name",
    code: 4200,
    message: "Invalid channel name",
  },
  pongTimeout: {
    reason: "pong_timeout",
    code: 4201,
    message: "Pong reply not received in time",
    closeCode: 4201,
  },
  // Without a close, nor one that would make a client give up: asking again later may help.
  authenticationUnavailable: {
    reason: "authentication_unavailable",
    code: 4202,
    message: "Authentication is unavailable",
  },
  clientEventsDisabled: {
    reason: "client_events_disabled",
    code: 4301,
    message: "The app does not have client messaging enabled.",
  },
  // What a client reads is the same; an operator turns another option.
  clientEventRateExceeded: {
    reason: "client_event_rate_exceeded",
    code: 4301,
    message: "Rate limit exceeded",
  },
  rateLimitExceeded: { reason: "rate_limit_exceeded", code: 4301, message: "Rate limit exceeded" },
  tooManyChannels: {
    reason: "too_many_channels",
    code: 4302,
    message: "Too many channels on this connection",
  },
  presenceChannelFull: {
    reason: "presence_channel_full",
    code: 4303,
    message: "Presence channel is full",
  },
  memberTooLarge: {
    reason: "member_too_large",
    code: 4304,
    message: "Presence member is too large",
  },
  watchlistTooLong: {
    reason: "watchlist_too_long",
    code: 4305,
    message: "Watchlist has more than 100 users",
  },
  // Same frame; the close is 4100, since pusher-js would never come back after a 43xx.
  rateLimitTerminated: {
    reason: "rate_limit_terminated",
    code: 4301,
    message: "Rate limit exceeded",
    closeCode: 4100,
  },
} as const satisfies Record<string, Row>;

/** No `pusher:error`, for the message was not read: only a close. */
export const messageTooLong = { reason: "message_too_long", code: 1009 } as const;

/**
 * Sent to every connection when the node stops: pusher-js reconnects at once, to another node, or where there is none
 * after a second, to this one's successor. A try before it listens would be followed by the next one after 15 s only.
 */
export const shutdownCloses = {
  inCluster: { code: 4200, reason: "Server is shutting down" },
  alone: { code: 4100, reason: "Server is shutting down" },
} as const;
