/** A bearer token (RFC 6750 §2.1) sent in place of a signature. It is not checked here: the app says whose it is. */

/**
 * The value of an Authorization field, if `auth` is one. Any visible ASCII is a token, as Laravel Sanctum's have a `|`; of
 * everything else, line breaks above all, none is made.
 */
export function bearerCredential(auth: string): string | null {
  return /^Bearer [\x21-\x7e]+$/.test(auth) ? auth : null;
}
