/**
 * Differences in how clients read the wire, by what they say of themselves: `client` in the query of their handshake.
 */

/** How `data` of `pusher:error` is written. Every other message has a JSON string there, for every client. */
export type ErrorData = "string" | "object";

/**
 * Their decoders read an object alone, which is what Pusher sends: `PusherError.swift` casts `data` to a dictionary,
 * `Connection.cs` (2.x) selects `message` in it; a string is no error to them. All others (pusher-js, Java, Dart)
 * read both, and get the string that Reverb sends.
 */
const objectReaders: ReadonlySet<string> = new Set([
  "pusher-websocket-swift",
  "pusher-dotnet-client",
]);

/** @param url the target of the handshake's request line */
export function errorDataFor(url: string): ErrorData {
  const query = url.indexOf("?");
  if (query === -1) return "string";
  const client = new URLSearchParams(url.slice(query + 1)).get("client");
  return client !== null && objectReaders.has(client) ? "object" : "string";
}
