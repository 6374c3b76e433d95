/** One endless answer: a line of JSON for each message to a viewer, until the viewer leaves. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { pageFields } from "./assets.ts";
import type { Backend } from "./backend.ts";
import { maxViewers } from "./feed.ts";
import { refuse } from "./reply.ts";

export interface StreamOptions {
  readonly backend: Backend;
  readonly query: URLSearchParams;
  readonly showsPayloads: boolean;
}

export function openStream(
  req: IncomingMessage,
  res: ServerResponse,
  { backend, query, showsPayloads }: StreamOptions,
): void {
  if (query.has("contents") && !showsPayloads) {
    return refuse(req, res, 403, "What is in events is not shown: see POGO_CONSOLE_PAYLOADS.");
  }
  let giveUp: NodeJS.Timeout | undefined;
  const watching = backend.watch(query, {
    send(line) {
      if (!res.headersSent) res.writeHead(200, { ...pageFields, ...streamFields });
      const isTaken = res.write(`${line}\n`);
      if (!isTaken) giveUp ??= setTimeout(() => void res.destroy(), patienceMs).unref();
      return isTaken;
    },
  });
  if (!watching) {
    return refuse(req, res, 503, `${maxViewers} pages of the console are open: close one of them.`);
  }
  res.on("drain", () => {
    clearTimeout(giveUp);
    giveUp = undefined;
    watching.resume();
  });
  res.on("close", () => {
    clearTimeout(giveUp);
    watching.close();
  });
}

/** Who takes nothing for so long makes room for somebody else. */
const patienceMs = 30_000;

const streamFields = {
  "Content-Type": "application/x-ndjson",
  "Cache-Control": "no-store",
  // For a proxy such as nginx, which would wait for more of it.
  "X-Accel-Buffering": "no",
};
