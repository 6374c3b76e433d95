/** The request to the app: about a channel, or about a user. */

import type {
  AuthenticationRequest,
  AuthorizationFault,
  ChannelProof,
  UserProof,
} from "../core/ports.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { toSubrequestHeaders } from "./handshake-headers.ts";
import type { Subrequest } from "./subrequest.ts";

/** The app's yes, as it is passed on. */
export type Proof = ChannelProof | UserProof;

export interface Question<T extends Proof> {
  readonly request: AuthenticationRequest;
  readonly path: string;
  /** The fields of the form. */
  readonly fields: Readonly<Record<string, string>>;
  /** Null: the question is about a user. */
  readonly channel: string | null;
  /** Reads the body of a 200. */
  readonly read: (body: Buffer) => T | { readonly ok: false; readonly reason: AuthorizationFault };
}

export function toSubrequest<T extends Proof>(
  { request, path, fields, channel }: Question<T>,
  { withCookies, forwarding }: { readonly withCookies: boolean; readonly forwarding: Forwarding },
): Subrequest {
  const { handshake, credential } = request;
  const body = Buffer.from(new URLSearchParams(fields).toString());
  const bodyBytes = body.length;
  const source = { handshake, channel, bodyBytes, withCookies, credential, forwarding };
  return { path, headers: toSubrequestHeaders(source), body };
}
