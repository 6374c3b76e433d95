/** The catalogue of protocol errors: what is sent, and whether the connection closes with it. */

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
  /** What `pusher:subscription_error` and `pusher:signin_error` say of it; of those that can be about one. */
  readonly refusal?: Refusal;
}

/** The words of Pusher's `pusher:subscription_error`, and an HTTP status. */
export interface Refusal {
  readonly type: "AuthError" | "ChannelNameError" | "FormatError" | "LimitReached";
  readonly status: number;
  /** Where it is not the message. */
  readonly error?: string;
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
  unauthorized: {
    reason: "unauthorized",
    code: 4009,
    message: "Connection is unauthorized",
    refusal: { type: "AuthError", status: 403 },
  },
  // A client reads Reverb's error all the same; the status says that trying later may help.
  authorizationUnavailable: {
    reason: "authorization_unavailable",
    code: 4009,
    message: "Connection is unauthorized",
    refusal: { type: "AuthError", status: 503, error: "Authorization is unavailable" },
  },
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
  // Without a close: what the connection has already goes on.
  tooManySubscriptions: {
    reason: "too_many_subscriptions",
    code: 4100,
    message: "Server is over capacity",
    refusal: { type: "LimitReached", status: 503 },
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
    refusal: { type: "FormatError", status: 400 },
  },
  invalidChannelName: {
    reason: "invalid_channel_name",
    code: 4200,
    message: "Invalid channel name",
    refusal: {
      type: "ChannelNameError",
      status: 400,
      error: "Channel name must be 1 to 256 characters of a-z A-Z 0-9 _ - = @ , . ;",
    },
  },
  invalidUserId: {
    reason: "invalid_user_id",
    code: 4200,
    message: "Invalid user id",
    refusal: {
      type: "FormatError",
      status: 400,
      error: "User id must be 1 to 240 characters",
    },
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
    refusal: { type: "AuthError", status: 503 },
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
  rateLimitExceeded: {
    reason: "rate_limit_exceeded",
    code: 4301,
    message: "Rate limit exceeded",
    refusal: { type: "LimitReached", status: 429 },
  },
  repeatRateExceeded: {
    reason: "repeat_rate_exceeded",
    code: 4301,
    message: "Rate limit exceeded",
    refusal: { type: "LimitReached", status: 429 },
  },
  tooManyChannels: {
    reason: "too_many_channels",
    code: 4302,
    message: "Too many channels on this connection",
    refusal: { type: "LimitReached", status: 403 },
  },
  presenceChannelFull: {
    reason: "presence_channel_full",
    code: 4303,
    message: "Presence channel is full",
    refusal: { type: "LimitReached", status: 403 },
  },
  memberTooLarge: {
    reason: "member_too_large",
    code: 4304,
    message: "Presence member is too large",
    refusal: { type: "LimitReached", status: 403 },
  },
  watchlistTooLong: {
    reason: "watchlist_too_long",
    code: 4305,
    message: "Watchlist has more than 100 users",
    refusal: { type: "LimitReached", status: 403 },
  },
  messageTooLong: {
    reason: "message_too_long",
    code: 4306,
    message: "Message is too long",
    refusal: { type: "LimitReached", status: 413 },
  },
  eventNameTooLong: {
    reason: "event_name_too_long",
    code: 4307,
    message: "Event name is too long",
  },
  eventDataTooLarge: {
    reason: "event_data_too_large",
    code: 4308,
    message: "Event data is too large",
  },
  // Same frame; the close is 4100, since pusher-js would never come back after a 43xx.
  rateLimitTerminated: {
    reason: "rate_limit_terminated",
    code: 4301,
    message: "Rate limit exceeded",
    closeCode: 4100,
    refusal: { type: "LimitReached", status: 429 },
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
