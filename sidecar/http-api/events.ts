/** `POST …/events` and `POST …/batch_events`: validate, publish, answer (rows V and B). */

import { isChannelNameTooLong, isPublishable } from "../core/channel-name.ts";
import { parseJson } from "../core/json.ts";
import type { ChannelEvent, PublishFault } from "../core/ports.ts";
import { describeChannels, parseInfo } from "./channel-info.ts";
import { json, text, type Reply } from "./reply.ts";
import type { ApiHandler, ApiRequest } from "./handler.ts";
import {
  validateBatch,
  validateEvent,
  type PublishRequest,
  type ValidationErrors,
} from "./validation.ts";

/** Answered 200 only once the broker has taken the event; with any other answer nobody got it. */
export const publishEvent: ApiHandler = async (request) => {
  const body = parseBody(request);
  if (!body.ok) return fail(request, body.fault);
  const validated = validateEvent(body.value);
  if (!validated.ok) return failFields(request, validated.errors);
  const event = validated.value;

  const refusal = checkLimits(request, event) ?? (await publish(request, [event]));
  if (refusal) return refusal;
  if (event.info === undefined) return json(200, {});
  const { hub, broker } = request;
  const info = parseInfo(event.info);
  const described = await describeChannels(event.channels, { info, hub, broker });
  const channels: Record<string, unknown> = Object.create(null);
  for (const [index, name] of event.channels.entries()) channels[name] = described[index];
  return json(200, { channels });
};

/** All events of the batch, or none. */
export const publishBatch: ApiHandler = async (request) => {
  const body = parseBody(request);
  if (!body.ok) return fail(request, body.fault);
  const validated = validateBatch(body.value);
  if (!validated.ok) return failFields(request, validated.errors);
  const events = validated.value;

  for (const event of events) {
    const refusal = checkLimits(request, event);
    if (refusal) return refusal;
  }
  const refusal = await publish(request, events);
  if (refusal) return refusal;
  if (events.every(({ info }) => info === undefined)) return json(200, {});
  const { hub, broker } = request;
  const batch = events.map(async ({ channels, info }) => {
    const [attributes] = await describeChannels(channels, { info: parseInfo(info), hub, broker });
    return attributes;
  });
  return json(200, { batch: await Promise.all(batch) });
};

interface Fault {
  readonly reason: PublishFault;
  /** Why, and which option moves the limit. */
  readonly message: string;
}

/** What a refused publish is answered. */
export const publishStatuses: Readonly<Record<PublishFault, number>> = {
  invalid_fields: 422,
  too_many_channels: 422,
  invalid_channel: 422,
  channel_too_long: 422,
  event_too_long: 422,
  payload_too_large: 413,
  rate_limited: 429,
  invalid_payload_json: 400,
  broker_failed: 503,
  broker_queue_full: 503,
};

/** Trying again later may help. */
const isTemporary: Readonly<Partial<Record<PublishFault, true>>> = {
  broker_failed: true,
  broker_queue_full: true,
  rate_limited: true,
};

function parseBody({
  body,
}: ApiRequest): { ok: true; value: unknown } | { ok: false; fault: Fault } {
  const parsed = parseJson(body.toString());
  if (parsed.ok && typeof parsed.value === "object" && parsed.value !== null) return parsed;
  const message = "The request body must be a JSON object.";
  return { ok: false, fault: { reason: "invalid_payload_json", message } };
}

/** Null if the event is within the app's limits. */
function checkLimits(request: ApiRequest, { name, data, channels }: PublishRequest): Reply | null {
  const { maxEventNameLength, maxEventDataBytes, maxChannelsPerPublish } = request.hub.app;
  if (channels.length > maxChannelsPerPublish) {
    const message = `The channels field must not have more than ${maxChannelsPerPublish} items.`;
    return failFields(request, { channels: [message] }, "too_many_channels");
  }
  if (channels.some(isChannelNameTooLong)) {
    return fail(request, {
      reason: "channel_too_long",
      message: "A channel name may have at most 256 characters.",
    });
  }
  if (!channels.every(isPublishable)) {
    const message = "A channel name may only have the characters a-z A-Z 0-9 _ - = @ , . ;";
    return failFields(request, { channels: [message] }, "invalid_channel");
  }
  if (name.length > maxEventNameLength) {
    return fail(request, {
      reason: "event_too_long",
      message: `An event name may have at most ${maxEventNameLength} characters (POGO_MAX_EVENT_NAME_LENGTH).`,
    });
  }
  const dataBytes = Buffer.byteLength(data);
  if (dataBytes > maxEventDataBytes) {
    return fail(request, {
      reason: "payload_too_large",
      message: `The data of an event may have at most ${maxEventDataBytes} bytes, it has ${dataBytes} (POGO_MAX_EVENT_DATA).`,
    });
  }
  return null;
}

/** Null if the broker took all events. */
async function publish(
  request: ApiRequest,
  requests: readonly PublishRequest[],
): Promise<Reply | null> {
  if (!request.hub.mayPublish(request.nowMs)) {
    const message = "The app publishes faster than its limit (POGO_API_PUBLISH_RATE).";
    return fail(request, { reason: "rate_limited", message });
  }
  const appId = request.hub.app.id;
  const events = requests.flatMap(({ name, data, channels, socketId }) => {
    const dataJson = JSON.stringify(data);
    const except = socketId === undefined ? {} : { exceptSocketId: socketId };
    return channels.map((channel): ChannelEvent => ({
      appId,
      channel,
      event: name,
      dataJson,
      ...except,
    }));
  });
  const validatedMs = request.now();
  const result = await request.broker.publish(events);
  if (result.ok) {
    const validateMs = validatedMs - request.nowMs;
    const brokerMs = request.now() - validatedMs;
    const messages = events.length;
    request.report({ kind: "messages_published", appId, messages, validateMs, brokerMs });
    return null;
  }
  const message = "The event was not published; try again.";
  return fail(request, { reason: result.reason, message });
}

/** In Laravel's form, which names the fields. */
function failFields(
  { hub, report }: ApiRequest,
  errors: ValidationErrors,
  reason: PublishFault = "invalid_fields",
): Reply {
  report({ kind: "publish_refused", appId: hub.app.id, reason });
  return json(publishStatuses[reason], errors);
}

function fail({ hub, report }: ApiRequest, { reason, message }: Fault): Reply {
  report({ kind: "publish_refused", appId: hub.app.id, reason });
  const status = publishStatuses[reason];
  return text(status, `${reason}: ${message}`, isTemporary[reason] ? { "Retry-After": "1" } : {});
}
