/** One answer that does not end: a line of JSON for each message to a viewer, until the viewer goes. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { pageFields } from "./assets.ts";
import { maxViewers, type Feed } from "./feed.ts";
import { textOf } from "./readings.ts";
import { refuse } from "./reply.ts";

export interface StreamOptions {
  readonly feed: Feed;
  readonly wanted: URLSearchParams;
  readonly showsPayloads: boolean;
}

export function openStream(
  req: IncomingMessage,
  res: ServerResponse,
  { feed, wanted, showsPayloads }: StreamOptions,
): void {
  const hasContents = wanted.has("contents");
  if (hasContents && !showsPayloads) {
    return refuse(req, res, 403, "What is in events is not shown: see POGO_CONSOLE_PAYLOADS.");
  }
  let giveUp: NodeJS.Timeout | undefined;
  const viewer = feed.open({
    filter: textOf(wanted, "text"),
    hasContents,
    send(message) {
      if (!res.headersSent) res.writeHead(200, { ...pageFields, ...streamFields });
      const isTaken = res.write(`${JSON.stringify(message)}\n`);
      if (!isTaken) giveUp = setTimeout(() => void res.destroy(), patienceMs).unref();
      return isTaken;
    },
  });
  if (!viewer) {
    return refuse(req, res, 503, `${maxViewers} pages of the console are open: close one of them.`);
  }
  res.on("drain", () => {
    clearTimeout(giveUp);
    viewer.resume();
  });
  res.on("close", () => {
    clearTimeout(giveUp);
    feed.close(viewer);
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
