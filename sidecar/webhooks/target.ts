/** Where the requests of an endpoint go: its own URL, or a path of the upstream app. */

import type { RequestOptions } from "node:http";
import { urlToHttpOptions } from "node:url";
import { toRequestOptions, type UpstreamAddress } from "../http/upstream-address.ts";

export interface WebhookTarget {
  /** For the log: host and port, or `upstream`. Paths and queries may contain secrets. */
  readonly label: string;
  readonly isSecure: boolean;
  /** For `http.request`. */
  readonly request: RequestOptions;
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: WebhookTarget }
  | { readonly ok: false; readonly error: string };

/**
 * Reads `http://…`, `https://…`, or `/path` on the upstream; a query and `user:password@` (Basic) are kept, a fragment is
 * not. `upstream`: null if there is none.
 */
export function parseTarget(url: string, upstream: UpstreamAddress | null): ParsedTarget {
  if (url.startsWith("/")) return parsePath(url, upstream);
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const isHttp = parsed?.protocol === "http:" || parsed?.protocol === "https:";
  if (!parsed || !isHttp) return { ok: false, error: "is neither http(s)://host/… nor a /path" };
  const isSecure = parsed.protocol === "https:";
  return {
    ok: true,
    target: { label: parsed.host, isSecure, request: urlToHttpOptions(parsed) },
  };
}

function parsePath(path: string, upstream: UpstreamAddress | null): ParsedTarget {
  if (!upstream) return { ok: false, error: "is a path of the upstream, and there is no upstream" };
  // Behind a host of our own, for `//other.host/` would name one; the URL then encodes what a request line can't hold.
  const { pathname, search } = new URL(`http://upstream${path}`);
  return {
    ok: true,
    target: {
      label: "upstream",
      isSecure: false,
      request: { ...toRequestOptions(upstream), path: `${pathname}${search}` },
    },
  };
}
