/** A bearer token (RFC 6750 §2.1) in place of a signature: nothing to check here, but for the app to say who shows it. */

/**
 * The value of an Authorization field, if `auth` is one. Any visible ASCII is a token, as Laravel Sanctum's have a `|`; of
 * everything else, line breaks above all, none is made.
 */
export function bearerCredential(auth: string): string | null {
  return /^Bearer [\x21-\x7e]+$/.test(auth) ? auth : null;
}
