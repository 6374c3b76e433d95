/** Is an API request signed by the app? (Pusher: "HTTP API", authentication.) */

import type { SignatureRefusal } from "../core/report/api.ts";
import type { App } from "../core/app.ts";
import { isSignatureOf, md5 } from "../core/signature.ts";
import type { Query } from "./query.ts";

export interface SignedRequest {
  readonly method: string;
  /** Paths it may have been signed with: as sent and decoded, each without the configured prefix too. */
  readonly paths: readonly string[];
  readonly query: Query;
}

/** What can be said of a request before its body was read. For the log; the answer is always the same 401. */
export type QueryCheck =
  | { readonly kind: "refused"; readonly refusal: SignatureRefusal }
  /** Signed, if the body has this MD5. */
  | { readonly kind: "signed"; readonly bodyMd5: string }
  /** The query holds no MD5: whether it is signed shows only with the body. */
  | { readonly kind: "unverified" };

/** `nowSeconds` is Unix time. */
export function checkQuery(
  app: App,
  request: SignedRequest,
  clock: { nowSeconds: number; toleranceSeconds: number },
): QueryCheck {
  const { query } = request;
  if (query.get("auth_key") !== app.key) return { kind: "refused", refusal: "auth_key" };
  if (query.get("auth_version") !== "1.0") return { kind: "refused", refusal: "auth_version" };
  const timestamp = query.get("auth_timestamp") ?? "";
  const isFresh = Math.abs(Number(timestamp) - clock.nowSeconds) <= clock.toleranceSeconds;
  if (!/^\d+$/.test(timestamp) || !isFresh) return { kind: "refused", refusal: "auth_timestamp" };

  const bodyMd5 = query.get("body_md5");
  const isPossible =
    bodyMd5 === undefined
      ? hexSignature.test(query.get("auth_signature") ?? "")
      : isSigned(app, request, bodyMd5);
  if (!isPossible) return { kind: "refused", refusal: "auth_signature" };
  return bodyMd5 === undefined ? { kind: "unverified" } : { kind: "signed", bodyMd5 };
}

/** Null if the signature holds for `body`, whose MD5 is computed whatever the request claims. */
export function checkBody(
  app: App,
  request: SignedRequest,
  check: Exclude<QueryCheck, { kind: "refused" }>,
  body: Buffer,
): SignatureRefusal | null {
  if (check.kind === "signed") return md5(body) === check.bodyMd5 ? null : "body_md5";
  const bodyMd5 = body.length > 0 ? md5(body) : null;
  return isSigned(app, request, bodyMd5) ? null : "auth_signature";
}

const hexSignature = /^[0-9a-f]{64}$/;

function isSigned(app: App, request: SignedRequest, bodyMd5: string | null): boolean {
  const { method, paths, query } = request;
  const signature = query.get("auth_signature") ?? "";
  const params = signedParams(query, bodyMd5);
  return paths.some((path) =>
    isSignatureOf(app.secret, `${method}\n${path}\n${params}`, signature),
  );
}

/** Sorted by name; `bodyMd5` null: there is none. */
function signedParams(query: Query, bodyMd5: string | null): string {
  const names = [...query.keys()].filter((name) => !isReplaced(name));
  if (bodyMd5 !== null) names.push("body_md5");
  names.sort();
  let params = "";
  for (const name of names) {
    const value = name === "body_md5" ? bodyMd5 : query.get(name);
    params += `${params === "" ? "" : "&"}${name}=${value}`;
  }
  return params;
}

/** Not signed, or not as it was sent. */
function isReplaced(name: string): boolean {
  return name === "auth_signature" || name === "body_md5";
}
