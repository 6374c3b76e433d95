/** The credentials in a page's request, as cookie names and a keyed digest, so that two requests can be compared. */

import { createHmac } from "node:crypto";
import type { Credentials } from "../core/recovery/credentials.ts";
import { isSecretName } from "../core/redact.ts";
import { fieldsOf, valueOf, valuesOf, type RawHeaders } from "../http/headers.ts";
import { cookieNamesIn } from "../http/recovery-cookie.ts";

/** Of the names of all cookies, in characters: they are kept with a session. */
const maxNamesLength = 2_000;

/** What is in it changes with every answer of Laravel, as with the cookie of which it is a copy. */
const changing = "x-xsrf-token";

/**
 * Null: it shows nothing, or more than is kept, so that the app has to say who it is. Beside cookies and Authorization
 * every field counts whose name sounds like a secret, and of which origin the page is: an app may serve several.
 *
 * @param secret of the app, without which nobody can guess what a digest is of
 */
export function readCredentials(rawHeaders: RawHeaders, secret: string): Credentials | null {
  const header = valuesOf(rawHeaders, "cookie").join("; ");
  const cookies = [...new Set(cookieNamesIn(header))].toSorted();
  const proofs = [...fieldsOf(rawHeaders)]
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name !== "cookie" && isSecretName(name))
    .map(([name, value]) => (name === changing ? name : `${name}:${value}`))
    .toSorted();
  const isNobody = cookies.length === 0 && proofs.length === 0;
  if (isNobody || cookies.join("").length > maxNamesLength) return null;
  const lines = ["credentials", valueOf(rawHeaders, "origin") ?? "", ...proofs];
  const hmac = createHmac("sha256", secret).update(lines.join("\n"));
  return { cookies, proofs: hmac.digest().subarray(0, 16).toString("base64url") };
}
