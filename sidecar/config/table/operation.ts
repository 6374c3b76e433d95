/** Options for those who run a node: its admin port and its log. */

import { bindHost, hostNames, token, webAddress } from "../parsers/addresses.ts";
import { boolean, oneOf, optional, port } from "../parsers/parser.ts";
import { option } from "./option.ts";

export const admin = {
  host: option({
    env: "POGO_ADMIN_HOST",
    parser: bindHost,
    fallback: "127.0.0.1",
    docs: "Address of the admin port. But for the console (`POGO_ADMIN_TOKEN`) it asks for no password: beyond `127.0.0.1` whoever reaches it can read metrics and health. Kubernetes' probes need `0.0.0.0`.",
  }),
  port: option({
    env: "POGO_ADMIN_PORT",
    parser: port,
    fallback: 2019,
    docs: "Port of the console (`/`), of `/metrics`, `/livez`, `/readyz`, `/pogo/health`, and of `/hold`, `/release` and `/drain` for deployments.",
  }),
  url: option({
    env: "POGO_ADMIN_URL",
    parser: optional(webAddress),
    fallback: null,
    fallbackText:
      "that of POGO_ADMIN_HOST where it is one address beyond loopback and POGO_ADMIN_TOKEN is set, else none",
    docs: "Where a browser reaches the admin port of this node: `http://10.0.0.7:2019`. With Redis the consoles of the other nodes link to it; with none they say so.",
  }),
  allowedHosts: option({
    env: "POGO_ADMIN_ALLOWED_HOSTS",
    parser: hostNames,
    fallback: [],
    docs: "Host names that requests to the admin port may be sent to, beside `localhost` and IP addresses; others get 421. An empty list refuses every other name on a loopback `POGO_ADMIN_HOST`, where a foreign web page could reach the port by rebinding its name, and none elsewhere.",
  }),
} as const;

export const console = {
  token: option({
    env: "POGO_ADMIN_TOKEN",
    parser: optional(token),
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "What the console on the admin port (`/`) asks for at login, in 16 characters or more. With none it is open where `POGO_ADMIN_HOST` is a loopback address, and off elsewhere. Metrics, probes, `/hold`, `/release` and `/drain` ask for no token.",
  }),
  showsPayloads: option({
    env: "POGO_CONSOLE_PAYLOADS",
    parser: boolean,
    fallback: false,
    docs: "Whether the console may show what is in events, once somebody has asked for it there. Off, it shows names and sizes alone. Events carry what the app's users wrote, so leave it off where people may look who should not read that.",
  }),
} as const;

export const metrics = {
  hotPath: option({
    env: "POGO_HOT_PATH_METRICS",
    original: "POGO_WS_HOT_PATH_METRICS",
    parser: boolean,
    fallback: false,
    docs: "Adds histograms of every publish, frame and write to `/metrics`: for measuring, since each message then costs more.",
  }),
} as const;

export const log = {
  level: option({
    env: "POGO_LOG_LEVEL",
    parser: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    fallback: "info",
    docs: "The least level that is logged, on standard output. `debug` has each connection, subscription, event and request, by name and size; `trace` also what is in them, without signatures, cookies and other secrets.",
  }),
  format: option({
    env: "POGO_LOG_FORMAT",
    parser: oneOf(["auto", "text", "json"]),
    fallback: "auto",
    docs: "How a line of the log looks. `text` is aligned for people, in colour in a terminal (`NO_COLOR` and `FORCE_COLOR` count); `json` is one object a line. `auto`: `text` in a terminal, else `json`.",
  }),
  access: option({
    env: "POGO_ACCESS_LOG",
    parser: oneOf(["off", "errors", "all"]),
    fallback: "errors",
    docs: "Which HTTP requests and handshakes get a line of their own at `info`. `errors`: those that the sidecar refused and those that ended with 500 or above, of many 20 at once and then one a second. A line has method, path without query, status, bytes, times, addresses and `X-Request-Id`.",
  }),
} as const;
