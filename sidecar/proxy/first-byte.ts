/** A request whose body does not come takes nothing of the app: no connection, and no worker that waits for it. */

import type { IncomingMessage } from "node:http";
import { bodyLength } from "../http/headers.ts";

/**
 * Calls `admit` at once for a request without a body, else when the first byte of the body, or its end, has come.
 * The function that it returns gives back what `admit` gave, or ends the wait.
 */
export function admitWithBody(req: IncomingMessage, admit: () => () => void): () => void {
  if (bodyLength(req.rawHeaders) === 0) return admit();
  let giveBack = (): void => {};
  const begin = (): void => {
    giveBack = admit();
  };
  req.once("readable", begin);
  return () => {
    req.off("readable", begin);
    giveBack();
  };
}
