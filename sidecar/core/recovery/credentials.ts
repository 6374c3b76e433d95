/** Credentials of a request, in a form in which two requests of one page can be compared. */

export interface Credentials {
  /** Names of its cookies. What is in them is no help: Laravel's change with each of its answers. */
  readonly cookies: readonly string[];
  /** A keyed digest of what else proves somebody, an Authorization above all. */
  readonly proofs: string;
}

/** To whom the channels of a session may be granted again. */
export interface Grant {
  /** Digest of the cookie by which the browser is known. */
  readonly browser: string;
  /** What was shown with each of them. */
  readonly credentials: Credentials;
}

/** All of it is there again: no cookie is missing, and nothing else has changed. */
export function isShownIn(before: Credentials, now: Credentials): boolean {
  return before.proofs === now.proofs && before.cookies.every((name) => now.cookies.includes(name));
}
