/** The body of a publish, validated: the messages are Laravel's, which Reverb answers with (rows V, B). */

import { isObject } from "../core/json.ts";

/** `{"field": ["message"]}`, the body of a 422. */
export type ValidationErrors = Readonly<Record<string, readonly string[]>>;

export interface PublishRequest {
  readonly name: string;
  readonly data: string;
  readonly channels: readonly string[];
  readonly socketId: string | undefined;
  readonly info: string | undefined;
}

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: ValidationErrors };

/** Body of `POST /apps/{id}/events`: `channels`, or else `channel`. */
export function validateEvent(body: unknown): Validated<PublishRequest> {
  const fields = isObject(body) ? body : {};
  const errors: Record<string, string[]> = {
    ...requireString(fields, "name"),
    ...requireString(fields, "data"),
    ...validateChannels(fields),
    ...allowString(fields, "socket_id"),
    ...allowString(fields, "info"),
  };
  if (Object.keys(errors).length > 0) return { ok: false, errors };
  const { channels, channel } = fields;
  return { ok: true, value: toRequest(fields, isEmpty(channels) ? [channel] : channels) };
}

/** Body of `POST /apps/{id}/batch_events`: errors are keyed `batch.N.field`, and one refuses the whole batch. */
export function validateBatch(body: unknown): Validated<readonly PublishRequest[]> {
  const batch = isObject(body) ? body["batch"] : undefined;
  if (isEmpty(batch)) return { ok: false, errors: { batch: ["The batch field is required."] } };
  if (!Array.isArray(batch)) {
    return { ok: false, errors: { batch: ["The batch field must be an array."] } };
  }
  const errors: Record<string, string[]> = {};
  const requests: PublishRequest[] = [];
  for (const [index, item] of batch.entries()) {
    const fields: Record<string, unknown> = isObject(item) ? item : {};
    const prefix = `batch.${index}.`;
    Object.assign(
      errors,
      requireString(fields, "name", prefix),
      requireString(fields, "data", prefix),
      requireString(fields, "channel", prefix),
      allowString(fields, "socket_id", prefix),
      allowString(fields, "info", prefix),
    );
    requests.push(toRequest(fields, [fields["channel"]]));
  }
  return Object.keys(errors).length > 0 ? { ok: false, errors } : { ok: true, value: requests };
}

function validateChannels(fields: Record<string, unknown>): Record<string, string[]> {
  const { channels, channel } = fields;
  if (isEmpty(channels) && isEmpty(channel)) {
    return {
      channels: ["The channels field is required when channel is not present."],
      channel: ["The channel field is required when channels is not present."],
    };
  }
  if (isEmpty(channels)) return allowString(fields, "channel");
  if (!Array.isArray(channels)) return { channels: ["The channels field must be an array."] };
  const index = channels.findIndex((name) => typeof name !== "string");
  if (index === -1) return {};
  return { [`channels.${index}`]: [`The channels.${index} field must be a string.`] };
}

function requireString(
  fields: Record<string, unknown>,
  field: string,
  prefix = "",
): Record<string, string[]> {
  if (isEmpty(fields[field])) {
    return { [prefix + field]: [`The ${prefix}${field} field is required.`] };
  }
  return allowString(fields, field, prefix);
}

/** Absent or a string; null is neither. Laravel writes `socket_id` as "socket id". */
function allowString(
  fields: Record<string, unknown>,
  field: string,
  prefix = "",
): Record<string, string[]> {
  if (!Object.hasOwn(fields, field) || typeof fields[field] === "string") return {};
  const name = prefix + (prefix ? field : field.replaceAll("_", " "));
  return { [prefix + field]: [`The ${name} field must be a string.`] };
}

/** What Laravel's `required` refuses: null, blank strings, empty arrays. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === "string") return value.trim() === "";
  return Array.isArray(value) && value.length === 0;
}

/** The fields of a valid request; what is not a string here was reported as an error. */
function toRequest(fields: Record<string, unknown>, channels: unknown): PublishRequest {
  const strings = Array.isArray(channels)
    ? channels.filter((name) => typeof name === "string")
    : [];
  return {
    name: toText(fields["name"]),
    data: toText(fields["data"]),
    channels: strings,
    socketId: toOptionalText(fields["socket_id"]),
    info: toOptionalText(fields["info"]),
  };
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function toOptionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
