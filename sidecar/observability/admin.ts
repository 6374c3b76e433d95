/** The admin port: metrics, probes and the console, for operators only; never reachable through the public port. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isLoopbackHost, normaliseIp } from "../http/ip-address.ts";
import { listen, type ListenAddress } from "../http/listener.ts";
import { createServer } from "../http/node-http.ts";

export interface AdminOptions extends AdminRoutes {
  /**
   * Host names that requests may be sent to, beside `localhost` and IP addresses. Others are refused while the port is
   * bound to a loopback address, or as soon as there are any of these.
   */
  readonly allowedHosts: readonly string[];
  /** Makes the console, which answers `/` and what is below `/console/`, when it is asked for first. */
  readonly openConsole: OpenConsole;
}

export type OpenConsole = (port: {
  /** It listens on a loopback address alone. */
  readonly isLoopback: boolean;
}) => Promise<Handler>;

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

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
  const door = createConsoleDoor(options.openConsole);
  const index = ["/", ...Object.keys(pages), ...Object.keys(actions)].join("\n");

  const server = createServer((req, res) => {
    if (areHostsChecked && !isAllowedHost(req.headers.host, allowedHosts)) {
      return send(res, 421, "text/plain", wrongHost);
    }
    const [path = "", query = ""] = (req.url ?? "").split("?");
    if (path === "/" || path.startsWith("/console/")) return door.handle(req, res);
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
    async listen(address) {
      if (address.kind === "tcp") {
        // Before the first request can come.
        areHostsChecked ||= isLoopbackHost(address.host);
        allowedHosts.add(address.host.toLowerCase());
      }
      const port = await listen(server, address);
      const bound = server.address();
      door.isLoopback =
        bound !== null && typeof bound === "object" && isLoopbackHost(bound.address);
      areHostsChecked ||= door.isLoopback;
      return port;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function createConsoleDoor(open: OpenConsole) {
  let opened: Promise<Handler> | null = null;
  const door = {
    /** Of the port, once it listens. */
    isLoopback: false,
    handle(req: IncomingMessage, res: ServerResponse): void {
      opened ??= open(door);
      void opened.then(
        (handle) => handle(req, res),
        (error) => send(res, 500, "text/plain", `The console can't be loaded: ${error}\n`),
      );
    },
  };
  return door;
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
