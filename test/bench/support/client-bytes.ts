/** What a client of the Pusher protocol writes to its socket. */

import { textFrame } from "../../../sidecar/testing/client-frame.ts";
import { upgradeRequest } from "../../../sidecar/testing/upgrade-request.ts";

/** A text frame with a message in it. */
export function messageFrame(message: object): Buffer {
  return textFrame(JSON.stringify(message));
}

/** The request that opens a WebSocket of the Pusher protocol. */
export function handshakeRequest(
  host: string,
  appKey: string,
  { isDeflated }: { readonly isDeflated: boolean } = { isDeflated: false },
): string {
  return upgradeRequest(`/app/${appKey}?protocol=7&client=bench&version=1`, {
    host,
    // As browsers offer it.
    fields: isDeflated
      ? ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
      : [],
  });
}
