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
  // The client left. Node tells `req` of it only until the response is complete, which may be before the body is.
  const { socket } = req;
  const abandon = (): void => void request.destroy();

  req.on("data", count);
  socket.once("close", abandon);
  req.pipe(request);

  request.once("close", () => {
    socket.off("close", abandon);
    req.off("data", count);
    req.unpipe(request);
    req.resume();
  });
}
