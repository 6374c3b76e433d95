/** For tests: what a request has at the front door, where nobody reads an access log. */

import type { IncomingMessage } from "node:http";
import { AccessLog } from "../http/access-log.ts";
import { RequestContext } from "../http/request-context.ts";

export const noAccessLog = new AccessLog({
  mode: "off",
  report: () => {},
  clientIp: ({ remoteAddress }) => remoteAddress,
  upstream: null,
});

export function contextOf(req: IncomingMessage, log = noAccessLog): RequestContext {
  return new RequestContext(req, "request-id", log);
}
