/** `POST …/events` and `POST …/batch_events`: validate, publish, answer (rows V and B). */

import { andThen, type Eventual } from "../core/eventual.ts";
import { parseJson } from "../core/json.ts";
import type { ChannelEvent, PublishFault } from "../core/ports.ts";
import { checkPublication, type PublishRefusal } from "../core/publishing.ts";
import type { SidecarEvent } from "../core/report.ts";
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
export const publishEvent: ApiHandler = (request) => {
  const body = parseBody(request);
  if (!body.ok) return fail(request, body.fault);
  const validated = validateEvent(body.value);
  if (!validated.ok) return failFields(request, validated.errors);
  const event = validated.value;

  const refusal = checkLimits(request, event) ?? publish(request, [event]);
  return andThen(refusal, (reply) => reply ?? replyTo(request, event));
};

/** To an event that was published. */
function replyTo(request: ApiRequest, event: PublishRequest): Eventual<Reply> {
  return event.info === undefined ? json(200, {}) : describe(request, event.channels, event.info);
}

async function describe(
  { hub, broker }: ApiRequest,
  names: readonly string[],
  info: string,
): Promise<Reply> {
  const described = await describeChannels(names, { info: parseInfo(info), hub, broker });
  const channels: Record<string, unknown> = Object.create(null);
  for (const [index, name] of names.entries()) channels[name] = described[index];
  return json(200, { channels });
}

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

/** Answered as Laravel's validation answers. */
const namesChannels: Readonly<Partial<Record<PublishFault, true>>> = {
  too_many_channels: true,
  invalid_channel: true,
};

/** Trying again later may help. */
const isTemporary: Readonly<Partial<Record<PublishFault, true>>> = {
  broker_failed: true,
  broker_queue_full: true,
  rate_limited: true,
};

function parseBody({
  body,
}: ApiRequest): { ok: true; value: unknown } | { ok: false; fault: PublishRefusal } {
  const parsed = parseJson(body.toString());
  if (parsed.ok && typeof parsed.value === "object" && parsed.value !== null) return parsed;
  const message = "The request body must be a JSON object.";
  return { ok: false, fault: { reason: "invalid_payload_json", message } };
}

/** Null if the event is within the app's limits. */
function checkLimits(request: ApiRequest, event: PublishRequest): Reply | null {
  const refusal = checkPublication(request.hub.app, event);
  if (!refusal) return null;
  const { reason, message } = refusal;
  return namesChannels[reason]
    ? failFields(request, { channels: [message] }, reason)
    : fail(request, refusal);
}

/** Null if the broker took all events. */
function publish(request: ApiRequest, requests: readonly PublishRequest[]): Eventual<Reply | null> {
  if (!request.hub.mayPublish(request.nowMs)) {
    const message = "The app publishes faster than its limit (POGO_API_PUBLISH_RATE).";
    return fail(request, { reason: "rate_limited", message });
  }
  const appId = request.hub.app.id;
  const span = request.span?.child("broker");
  const trace = span?.context.isSampled ? { trace: span.context } : {};
  const events: ChannelEvent[] = [];
  for (const { name: event, data, channels, socketId } of requests) {
    const dataJson = JSON.stringify(data);
    const except = socketId === undefined ? {} : { exceptSocketId: socketId };
    for (const channel of channels) {
      events.push({ appId, channel, event, dataJson, ...except, ...trace });
    }
  }
  const validatedMs = request.now();
  return andThen(request.broker.publish(events), (result) => {
    span?.end({ appId, events: events.length, fault: result.ok ? null : result.reason });
    if (!result.ok) {
      const message = "The event was not published; try again.";
      return fail(request, { reason: result.reason, message });
    }
    const validateMs = validatedMs - request.nowMs;
    const brokerMs = request.now() - validatedMs;
    const messages = events.length;
    request.report({ kind: "messages_published", appId, messages, validateMs, brokerMs });
    const { details } = request.report;
    if (details) for (const each of requests) details(toPublished(appId, each));
    return null;
  });
}

function toPublished(
  appId: string,
  { name: event, channels, data }: PublishRequest,
): SidecarEvent<"event_published"> {
  // As each of its recipients gets it.
  const bytes = Buffer.byteLength(JSON.stringify(data));
  return { kind: "event_published", appId, event, channels, bytes };
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

function fail({ hub, report }: ApiRequest, { reason, message }: PublishRefusal): Reply {
  report({ kind: "publish_refused", appId: hub.app.id, reason });
  const status = publishStatuses[reason];
  return text(status, `${reason}: ${message}`, isTemporary[reason] ? { "Retry-After": "1" } : {});
}
