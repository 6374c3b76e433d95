/** Signs as the app's backend does, by the code of this file alone: requests of the HTTP API, channels, users. */

import { createHash, createHmac } from "node:crypto";

export interface Credentials {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

export interface Call {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Bytes as they are; objects as JSON. */
  readonly body?: unknown;
  readonly path?: string;
  readonly signedPath?: string;
  readonly tamper?: (params: Record<string, string>) => void;
  readonly secret?: string;
  /** Of the timestamp. @default 0 */
  readonly ageSeconds?: number;
}

export interface SignedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly body: string;
}

/** Of what the kit starts, and its clients' key. */
export const app: Credentials = { id: "app-id", key: "app-key", secret: "app-secret" };

/** @param text any, or bytes */
export function hmac(secret: string, text: string | Uint8Array): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}

/** Requests of the HTTP API; `route` is below `/apps/{id}/`. */
export function createSigner(app: Credentials): (route: string, call?: Call) => SignedRequest {
  return (route, call = {}) => {
    const method = call.method ?? (call.body === undefined ? "GET" : "POST");
    const path = call.path ?? `/apps/${app.id}/${route}`;
    const body = toText(call.body);
    const nowSeconds = Math.floor(Date.now() / 1000);
    const params: Record<string, string> = {
      auth_key: app.key,
      auth_timestamp: String(nowSeconds - (call.ageSeconds ?? 0)),
      auth_version: "1.0",
      ...(body && { body_md5: createHash("md5").update(body).digest("hex") }),
      ...call.query,
    };
    const sorted = Object.entries(params).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const pairs = sorted.map(([name, value]) => `${name}=${value}`).join("&");
    const text = [method, call.signedPath ?? path, pairs].join("\n");
    params["auth_signature"] = hmac(call.secret ?? app.secret, text);
    call.tamper?.(params);
    return { method, target: `${path}?${new URLSearchParams(params)}`, body };
  };
}

export interface ChannelProof {
  readonly auth: string;
  readonly channel_data?: string;
}

/** @param member of a presence channel: an object, or the text of its JSON */
export function signChannel(
  { key, secret }: Pick<Credentials, "key" | "secret">,
  socketId: string,
  channel: string,
  member?: object | string,
): ChannelProof {
  if (member === undefined) return { auth: `${key}:${hmac(secret, `${socketId}:${channel}`)}` };
  const data = toText(member);
  return { auth: `${key}:${hmac(secret, `${socketId}:${channel}:${data}`)}`, channel_data: data };
}

/** @param user an object, or the text of its JSON */
export function signUser(
  { key, secret }: Pick<Credentials, "key" | "secret">,
  socketId: string,
  user: object | string,
): { readonly auth: string; readonly user_data: string } {
  const data = toText(user);
  return { auth: `${key}:${hmac(secret, `${socketId}::user::${data}`)}`, user_data: data };
}

function toText(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
