/** The limits on an event, however the app publishes it. */

import type { App } from "./app.ts";
import { isChannelNameTooLong, isPublishable, maxChannelNameLength } from "./channel-name.ts";
import type { PublishFault } from "./ports.ts";

export interface Publication {
  readonly name: string;
  /** As it is delivered. */
  readonly data: string;
  readonly channels: readonly string[];
}

export interface PublishRefusal {
  readonly reason: PublishFault;
  /** Why, and which option moves the limit. */
  readonly message: string;
}

/** Null if the event is within the app's limits. */
export function checkPublication(
  app: App,
  { name, data, channels }: Publication,
): PublishRefusal | null {
  const { maxEventNameLength, maxEventDataBytes, maxChannelsPerPublish } = app;
  if (channels.length > maxChannelsPerPublish) {
    return {
      reason: "too_many_channels",
      message: `The channels field must not have more than ${maxChannelsPerPublish} items.`,
    };
  }
  if (channels.some(isChannelNameTooLong)) {
    return {
      reason: "channel_too_long",
      message: `A channel name may have at most ${maxChannelNameLength} characters.`,
    };
  }
  if (!channels.every(isPublishable)) {
    return {
      reason: "invalid_channel",
      message: "A channel name may only have the characters a-z A-Z 0-9 _ - = @ , . ;",
    };
  }
  if (name.length > maxEventNameLength) {
    return {
      reason: "event_too_long",
      message: `An event name may have at most ${maxEventNameLength} characters (POGO_MAX_EVENT_NAME_LENGTH).`,
    };
  }
  const dataBytes = Buffer.byteLength(data);
  if (dataBytes > maxEventDataBytes) {
    return {
      reason: "payload_too_large",
      message: `The data of an event may have at most ${maxEventDataBytes} bytes, it has ${dataBytes} (POGO_MAX_EVENT_DATA).`,
    };
  }
  return null;
}
