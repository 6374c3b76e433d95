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
  const errors: Errors = {};
  requireString(errors, fields, "name");
  requireString(errors, fields, "data");
  validateChannels(errors, fields);
  allowString(errors, fields, "socket_id");
  allowString(errors, fields, "info");
  if (hasAny(errors)) return { ok: false, errors };
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
  const errors: Errors = {};
  const requests: PublishRequest[] = [];
  for (const [index, item] of batch.entries()) {
    const fields: Record<string, unknown> = isObject(item) ? item : {};
    const prefix = `batch.${index}.`;
    for (const field of ["name", "data", "channel"]) requireString(errors, fields, field, prefix);
    for (const field of ["socket_id", "info"]) allowString(errors, fields, field, prefix);
    requests.push(toRequest(fields, [fields["channel"]]));
  }
  return hasAny(errors) ? { ok: false, errors } : { ok: true, value: requests };
}

/** Those found so far; each check adds its own. */
type Errors = Record<string, string[]>;

function hasAny(errors: Errors): boolean {
  return Object.keys(errors).length > 0;
}

function validateChannels(errors: Errors, fields: Record<string, unknown>): void {
  const { channels, channel } = fields;
  if (isEmpty(channels) && isEmpty(channel)) {
    errors["channels"] = ["The channels field is required when channel is not present."];
    errors["channel"] = ["The channel field is required when channels is not present."];
  } else if (isEmpty(channels)) {
    allowString(errors, fields, "channel");
  } else if (!Array.isArray(channels)) {
    errors["channels"] = ["The channels field must be an array."];
  } else {
    const index = channels.findIndex((name) => typeof name !== "string");
    if (index === -1) return;
    errors[`channels.${index}`] = [`The channels.${index} field must be a string.`];
  }
}

function requireString(
  errors: Errors,
  fields: Record<string, unknown>,
  field: string,
  prefix = "",
): void {
  if (isEmpty(fields[field])) {
    errors[prefix + field] = [`The ${prefix}${field} field is required.`];
  } else {
    allowString(errors, fields, field, prefix);
  }
}

/** Absent or a string; null is neither. Laravel writes `socket_id` as "socket id". */
function allowString(
  errors: Errors,
  fields: Record<string, unknown>,
  field: string,
  prefix = "",
): void {
  if (typeof fields[field] === "string" || !Object.hasOwn(fields, field)) return;
  const name = prefix + (prefix ? field : field.replaceAll("_", " "));
  errors[prefix + field] = [`The ${name} field must be a string.`];
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
