/** The bytes of a WebSocket handshake, for those who write to a connection themselves (RFC 6455 §4.1). */

/** @param target path and query; `fields` are further lines of the head. */
export function upgradeRequest(
  target: string,
  { host = "127.0.0.1", fields = [] }: { host?: string; fields?: readonly string[] } = {},
): string {
  return [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
    "",
    "",
  ].join("\r\n");
}
