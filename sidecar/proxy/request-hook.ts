/** Gets hold of the engine's request to the upstream before anything of it is sent. */

import { ClientRequest } from "node:http";
import { Stream } from "node:stream";

/**
 * Stands in for the request body, as http-proxy-3's option `buffer`: the engine calls `pipe()` in the turn in which it
 * made the ClientRequest, queued in the agent or not, while its `proxyReq` event comes later and not always. Whoever
 * takes the request sends the body and ends it.
 */
export class RequestHook extends Stream {
  readonly #take: (request: ClientRequest) => void;

  constructor(take: (request: ClientRequest) => void) {
    super();
    this.#take = take;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    if (!(destination instanceof ClientRequest)) throw new TypeError("not a ClientRequest");
    this.#take(destination);
    return destination;
  }
}
