/** Is an API request signed by the app? (Pusher: "HTTP API", authentication.) */

import type { SignatureRefusal } from "../core/report/api.ts";
import type { App } from "../core/app.ts";
import { isSignatureOf, md5 } from "../core/signature.ts";
import type { Query } from "./query.ts";

export interface SignedRequest {
  readonly method: string;
  /** Paths it may have been signed with: as sent, and without the configured prefix. */
  readonly paths: readonly string[];
  readonly query: Query;
  readonly body: Buffer;
}

/** Parameters that are not part of the signed text, or are put there anew. */
const unsigned: ReadonlySet<string> = new Set(["auth_signature", "body_md5"]);

/**
 * Null if the signature holds, else what is wrong with it (for the log; the answer is always the same 401).
 * `body_md5` is recomputed, whatever the request claims. `nowSeconds` is Unix time.
 */
export function checkSignedRequest(
  app: App,
  request: SignedRequest,
  clock: { nowSeconds: number; toleranceSeconds: number },
): SignatureRefusal | null {
  const { query } = request;
  if (query.get("auth_key") !== app.key) return "auth_key";
  if (query.get("auth_version") !== "1.0") return "auth_version";
  const timestamp = query.get("auth_timestamp") ?? "";
  const isFresh = Math.abs(Number(timestamp) - clock.nowSeconds) <= clock.toleranceSeconds;
  if (!/^\d+$/.test(timestamp) || !isFresh) return "auth_timestamp";

  const signature = query.get("auth_signature") ?? "";
  const isSigned = request.paths.some((path) =>
    isSignatureOf(app.secret, signedText(request, path), signature),
  );
  return isSigned ? null : "auth_signature";
}

function signedText({ method, query, body }: SignedRequest, path: string): string {
  const params = [...query].filter(([name]) => !unsigned.has(name));
  if (body.length > 0) params.push(["body_md5", md5(body)]);
  params.sort(([a], [b]) => (a < b ? -1 : 1));
  return [method, path, params.map(([name, value]) => `${name}=${value}`).join("&")].join("\n");
}
