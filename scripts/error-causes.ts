/** Who gets an error of the protocol's catalogue, and why; what to do where the log has no hint for it. */

import type { errors } from "../sidecar/core/errors.ts";

interface Cause {
  readonly why: string;
  /** Instead of the hint that the log has. */
  readonly action?: string;
}

/** One for each: an error without one does not compile. */
export const causes: Readonly<Record<keyof typeof errors, Cause>> = {
  applicationDoesNotExist: { why: "A connect: no app has the key in `/app/{key}`." },
  overConnectionQuota: { why: "A connect: the app has as many connections as it may." },
  originNotAllowed: {
    why: "A connect: the page's `Origin` is not among the app's allowed origins.",
  },
  overCapacity: { why: "A connect: the node has as many connections as it may." },
  terminated: {
    why: "All connections of a user whom the app named in `POST /apps/{id}/users/{user}/terminate_connections`.",
    action: "Nothing: the app wants it so. The page has to connect anew.",
  },
  slowConsumer: { why: "A connection that took nothing of what waited for it." },
  pongTimeout: {
    why: "A connection that was silent, was pinged, and did not answer in time.",
    action:
      "Ordinary for phones and laptops that sleep. Of many, see whether `REVERB_APP_ACTIVITY_TIMEOUT` is too short.",
  },
  rateLimitTerminated: {
    why: "A connection over the app's message limit, where the app wants it ended (`REVERB_APP_RATE_LIMIT_TERMINATE`).",
  },
  unauthorized: {
    why: "A subscribe or signin: the app said no, or the signature is wrong.",
    action: "[Why the app's word did not count](#why-an-authorization-was-refused), by reason.",
  },
  authorizationUnavailable: {
    why: "A subscribe: the app could not say for as long as it is asked again.",
    action: "[Why the app could not be asked](#why-an-authorization-was-refused), by reason.",
  },
  authenticationUnavailable: {
    why: "A signin: the app could not say for as long as it is asked again. pusher-js tries once it connects anew.",
    action: "[Why the app could not be asked](#why-an-authorization-was-refused), by reason.",
  },
  notAMember: { why: "A client event to a channel that its sender has not subscribed to." },
  clientEventNotAllowedHere: { why: "A client event on a public or an encrypted channel." },
  tooManySubscriptions: {
    why: "A subscribe: the node has as many subscriptions as it may.",
    action: "Raise `POGO_MAX_SUBSCRIPTIONS` if there is memory for it, or add a node.",
  },
  invalidMessageFormat: { why: "A message that is not JSON as the protocol has it." },
  invalidChannelName: { why: "A subscribe: no channel may have this name." },
  invalidUserId: { why: "A subscribe to a presence channel, or a signin." },
  clientEventsDisabled: { why: "A client event, and the app takes none." },
  clientEventRateExceeded: { why: "A client event over the rate of its connection." },
  rateLimitExceeded: { why: "Any message over the app's message limit." },
  repeatRateExceeded: { why: "The same subscribe or signin, again and again within a second." },
  tooManyChannels: { why: "A subscribe: the connection is in as many channels as it may." },
  presenceChannelFull: { why: "A subscribe: the channel has as many members as it may." },
  memberTooLarge: {
    why: "A subscribe: what the app says of the member is longer than it may be.",
  },
  watchlistTooLong: { why: "A signin: the app's `user_data` lists too many users." },
  messageTooLong: {
    why: "A message over the limit, and at most twice as long: its sender is refused by name and stays.",
  },
  eventNameTooLong: { why: "A client event." },
  eventDataTooLarge: { why: "A client event." },
};
