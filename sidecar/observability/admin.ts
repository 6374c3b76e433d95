/** The admin port: metrics and probes, for operators only; never reachable through the public port. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { normaliseIp } from "../http/ip-address.ts";
import { listen, type ListenAddress } from "../http/listener.ts";
import { createServer } from "../http/node-http.ts";

export interface AdminOptions extends AdminRoutes {
  /**
   * Host names that requests may be sent to, beside `localhost` and IP addresses. Others are refused while the port is
   * bound to a loopback address, or as soon as there are any of these.
   */
  readonly allowedHosts: readonly string[];
}

/** What the port answers, by path. */
export interface AdminRoutes {
  readonly pages: Pages;
  readonly actions: Actions;
}

export interface PageAnswer {
  readonly status: number;
  readonly text: string;
  /** @default "text/plain" */
  readonly contentType?: string;
}

/** What only says how things are. */
export type Pages = Readonly<Record<string, () => PageAnswer | Promise<PageAnswer>>>;

export interface ActionAnswer {
  readonly status: number;
  /** A line, for a person or a script's log. */
  readonly text: string;
}

/** What changes something. */
export type Actions = Readonly<
  Record<string, (query: URLSearchParams) => ActionAnswer | Promise<ActionAnswer>>
>;

export interface AdminServer {
  /** Resolves with the port once it listens; rejects if the address can't be had. */
  listen(address: ListenAddress): Promise<number>;
  close(): void;
}

export function createAdminServer({ pages, actions, ...options }: AdminOptions): AdminServer {
  const allowedHosts = new Set(["localhost", ...options.allowedHosts]);
  let areHostsChecked = options.allowedHosts.length > 0;
  const index = [...Object.keys(pages), ...Object.keys(actions)].join("\n");

  const server = createServer((req, res) => {
    if (areHostsChecked && !isAllowedHost(req.headers.host, allowedHosts)) {
      return send(res, 421, "text/plain", wrongHost);
    }
    const [path = "", query = ""] = (req.url ?? "").split("?");
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    const action = Object.hasOwn(actions, path) ? actions[path] : undefined;
    if (action) return void act(req, res, () => action(new URLSearchParams(query)));
    if (!page) return send(res, 404, "text/plain", `Not found. There is:\n${index}\n`);
    if (req.method !== "GET" && req.method !== "HEAD") {
      res.setHeader("Allow", "GET, HEAD");
      return send(res, 405, "text/plain", "Method not allowed.\n");
    }
    return void show(res, page);
  });

  return {
    listen(address) {
      if (address.kind === "tcp") {
        areHostsChecked ||= isLoopback(address.host);
        allowedHosts.add(address.host.toLowerCase());
      }
      return listen(server, address);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const wrongHost =
  "Refused: the Host is neither localhost nor an IP address. Add its name to POGO_ADMIN_ALLOWED_HOSTS.\n";

/**
 * A page of a foreign site whose name was rebound to 127.0.0.1 still names that site as its host (DNS rebinding); an
 * address can't be rebound. Without a Host (HTTP/1.0) it is no browser.
 */
function isAllowedHost(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (host === undefined || normaliseIp(host) !== undefined) return true;
  return allowed.has(host.replace(/:\d+$/, "").toLowerCase());
}

function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const address = normaliseIp(host);
  return (
    address !== undefined &&
    (address === "::1" || (isIP(address) === 4 && address.startsWith("127.")))
  );
}

async function show(res: ServerResponse, page: Pages[string]): Promise<void> {
  const { status, contentType = "text/plain", text } = await page();
  send(res, status, contentType, text);
}

/** GET too, for a preStop hook of Kubernetes (`httpGet`) can do nothing else. */
async function act(
  req: IncomingMessage,
  res: ServerResponse,
  action: () => ActionAnswer | Promise<ActionAnswer>,
): Promise<void> {
  if (!["GET", "POST"].includes(req.method ?? "")) {
    res.setHeader("Allow", "GET, POST");
    return send(res, 405, "text/plain", "Method not allowed.\n");
  }
  if (isFromPage(req)) {
    return send(
      res,
      403,
      "text/plain",
      "Not for pages in a browser: use curl or the command line.\n",
    );
  }
  const { status, text } = await action();
  send(res, status, "text/plain", `${text}\n`);
}

/** Any page that the operator has open could ask for a URL on this machine; browsers then add one of these. */
function isFromPage({ headers }: IncomingMessage): boolean {
  return (
    headers.origin !== undefined ||
    !["none", undefined].includes(headers["sec-fetch-site"]?.toString())
  );
}

function send(res: ServerResponse, status: number, contentType: string, body: string): void {
  res.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  res.end(body);
}
