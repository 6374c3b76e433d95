/** The cookie that identifies a returning browser: set with a WebSocket handshake, sent with the next one. */

const name = "pogo_recovery";

/** 16 random bytes in base64url. */
const valuePattern = /^[\w-]{22}$/;

/** Null: there is none that was set here. @param header of a Cookie field */
export function readRecoveryCookie(header: string | undefined): string | null {
  if (!header?.includes(name)) return null;
  const pair = pairsOf(header).find(isRecoveryCookie);
  const value = pair?.slice(name.length + 1) ?? "";
  return valuePattern.test(value) ? value : null;
}

/** Whether there are several, of which somebody else has set one (RFC 6265 §8.6). @param header of a Cookie field */
export function hasSeveralRecoveryCookies(header: string | undefined): boolean {
  return pairsOf(header ?? "").filter(isRecoveryCookie).length > 1;
}

/** What is left of a Cookie field for the app, which has no use for this one. */
export function withoutRecoveryCookie(header: string): string {
  if (!header.includes(name)) return header;
  return pairsOf(header)
    .filter((pair) => !isRecoveryCookie(pair))
    .join("; ");
}

/**
 * The value of Set-Cookie (RFC 6265 §4.1): for this path alone, out of reach of the page's scripts, and gone with the
 * browser's session.
 */
export function recoverySetCookie(
  value: string,
  { path, isSecure }: { readonly path: string; readonly isSecure: boolean },
): string {
  return `${name}=${value}; Path=${path}; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
}

/** Of all cookies of a Cookie field but this one. */
export function cookieNamesIn(header: string): readonly string[] {
  return pairsOf(withoutRecoveryCookie(header))
    .map((pair) => pair.split("=", 1)[0] ?? "")
    .filter((name) => name !== "");
}

function pairsOf(header: string): readonly string[] {
  return header.split(";").map((pair) => pair.trim());
}

function isRecoveryCookie(pair: string): boolean {
  return pair.startsWith(`${name}=`);
}
