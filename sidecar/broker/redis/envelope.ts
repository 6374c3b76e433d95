/** Messages between nodes: versioned JSON. They contain no secrets, and are validated when they arrive. */

import type { EnvelopeFault } from "../../core/report/broker.ts";
import { isObject, parseExactJson, parseJson } from "../../core/json.ts";
import type { ChannelEvent } from "../../core/ports.ts";
import { isEntryId } from "./entry-id.ts";
import { formatTraceparent, parseTraceparent, type TraceContext } from "../../core/trace.ts";
import { parseMember, type Member } from "../../core/presence.ts";
import { isUserId, type UserId } from "../../core/user-id.ts";

/**
 * Of the messages. Nodes of several versions run side by side during a deploy: a field may be added at any time, and
 * is ignored by who does not know it, as an unknown `type` is. What an old node would get wrong needs a new number,
 * and nodes ignore numbers above their own.
 */
export const envelopeVersion = 1;

export type Envelope =
  | {
      readonly type: "event";
      /** The same however often it is sent. */
      readonly id: string;
      /** The node that sent it. */
      readonly node: string;
      /** With its place in the log, if it stands there and comes by pub/sub. */
      readonly event: Omit<ChannelEvent, "appId" | "channel">;
    }
  | { readonly type: "member_added"; readonly version: number; readonly member: Member }
  | { readonly type: "member_removed"; readonly version: number; readonly userKey: string }
  /** Redis knows the node from now on; what it has follows. */
  | { readonly type: "node_registered"; readonly node: string }
  | { readonly type: "subscription_count"; readonly count: number }
  | { readonly type: "echo"; readonly id: string }
  /** A page is at another node: what `node` has open of it is dead. */
  | { readonly type: "claim"; readonly node: string; readonly token: string }
  | { readonly type: "terminate"; readonly id: string; readonly userId: string };

export function encodeEvent(
  { id, node }: { id: string; node: string },
  { event, dataJson, isClientEvent, userId, exceptSocketId, trace }: ChannelEvent,
): string {
  return JSON.stringify({
    v: envelopeVersion,
    type: "event",
    id,
    node,
    event,
    data: dataJson,
    client: isClientEvent,
    // As text, in which a long number keeps its digits.
    user: userId === undefined ? undefined : JSON.stringify(userId),
    except: exceptSocketId,
    trace: trace && formatTraceparent(trace),
  });
}

export function encodeTerminate(id: string, userId: string): string {
  return JSON.stringify({ v: envelopeVersion, type: "terminate", id, user: userId });
}

export function parseEnvelope(
  text: string,
):
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly fault: EnvelopeFault } {
  const json = parseJson(text);
  if (!json.ok || !isObject(json.value)) return { ok: false, fault: "not_json" };
  const { v, type } = json.value;
  if (typeof v !== "number") return { ok: false, fault: "bad_fields" };
  if (v > envelopeVersion) return { ok: false, fault: "newer_version" };
  if (!isMessageType(type)) return { ok: false, fault: "unknown_type" };
  const envelope = readers[type](json.value);
  return envelope ? { ok: true, envelope } : { ok: false, fault: "bad_fields" };
}

/** The fields of each message as they stand in its JSON, beside `v` and `type`. */
interface WireFields {
  event: "id" | "node" | "event" | "data" | "client" | "user" | "except" | "at" | "trace";
  member_added: "version" | "member";
  member_removed: "version" | "user";
  node_registered: "node";
  subscription_count: "count";
  echo: "id";
  claim: "node" | "token";
  terminate: "id" | "user";
}

type MessageType = keyof WireFields;

/** A message as a table of Lua. @param fields the name of each, and the expression that gives its value */
export function luaMessage<T extends MessageType>(
  type: T,
  fields: Readonly<Record<WireFields[T], string>>,
): string {
  const entries = Object.entries<string>(fields).map(([name, value]) => `${name} = ${value}`);
  return `{ type = '${type}', ${entries.join(", ")} }`;
}

const readers: {
  readonly [T in MessageType]: (
    fields: Partial<Readonly<Record<WireFields[T], unknown>>>,
  ) => (Envelope & { readonly type: T }) | null;
} = {
  event({ id, node, event, data, client, user, except, at, trace }) {
    if (typeof id !== "string" || typeof node !== "string") return null;
    if (typeof event !== "string" || typeof data !== "string") return null;
    // It goes into a frame as it is.
    if (!parseJson(data).ok) return null;
    return {
      type: "event",
      id,
      node,
      event: {
        event,
        dataJson: data,
        ...(client === true && { isClientEvent: true }),
        ...readUserId(user),
        ...(typeof except === "string" && { exceptSocketId: except }),
        ...(isEntryId(at) && { position: at }),
        ...readTrace(trace),
      },
    };
  },
  member_added({ version, member }) {
    const parsed = typeof member === "string" ? parseMember(member) : null;
    return isCount(version) && parsed ? { type: "member_added", version, member: parsed } : null;
  },
  member_removed({ version, user }) {
    if (!isCount(version) || typeof user !== "string") return null;
    return { type: "member_removed", version, userKey: user };
  },
  node_registered: ({ node }) =>
    typeof node === "string" ? { type: "node_registered", node } : null,
  subscription_count: ({ count }) =>
    isCount(count) ? { type: "subscription_count", count } : null,
  claim: ({ node, token }) =>
    typeof node === "string" && typeof token === "string" ? { type: "claim", node, token } : null,
  echo: ({ id }) => (typeof id === "string" ? { type: "echo", id } : null),
  terminate({ id, user }) {
    if (typeof id !== "string" || typeof user !== "string") return null;
    return { type: "terminate", id, userId: user };
  },
};

function isMessageType(type: unknown): type is MessageType {
  return typeof type === "string" && Object.hasOwn(readers, type);
}

function readUserId(text: unknown): { userId?: UserId } {
  const json = typeof text === "string" ? parseExactJson(text) : null;
  return json?.ok && isUserId(json.value) ? { userId: json.value } : {};
}

function readTrace(text: unknown): { trace?: TraceContext } {
  const trace = typeof text === "string" ? parseTraceparent(text) : null;
  return trace ? { trace } : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
