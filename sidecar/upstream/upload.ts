/** Sends a request's body upstream, as fast as the upstream takes it. */

import type { ClientRequest, IncomingMessage } from "node:http";

/**
 * Ends `request` with the body of `req`, which has one. Unlike `pipeline()`, a failing upstream does not destroy `req`,
 * whose socket has still to carry the answer: what else comes in is read and dropped.
 *
 * @param onChunk told the bytes received so far, before they are sent.
 */
export function uploadBody(
  req: IncomingMessage,
  request: ClientRequest,
  onChunk: (receivedBytes: number) => void,
): void {
  let receivedBytes = 0;
  const count = (chunk: Buffer): void => {
    receivedBytes += chunk.length;
    onChunk(receivedBytes);
  };
  req.on("data", count);
  req.pipe(request);

  request.once("close", () => {
    req.off("data", count);
    req.unpipe(request);
    req.resume();
  });
  // The client left after a response that came early; before it, the engine sees to that.
  req.once("close", () => {
    if (!req.complete) request.destroy();
  });
}
