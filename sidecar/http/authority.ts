/** What a Host field may contain: a name or an address, and optionally a port. */

/**
 * Narrower than RFC 3986's `authority` on purpose: no userinfo, no list, no percent-encoding, no empty port, so that
 * the app can't read another host than we do. `_` occurs in the names of containers.
 */
const hostAndPort = /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i;

export function isAuthority(text: string): boolean {
  const match = hostAndPort.exec(text);
  if (!match) return false;
  const port = match[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}
