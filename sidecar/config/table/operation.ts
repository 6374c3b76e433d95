/** Options for operators: the admin port and the log. */

import { bindHost, hostNames, token, webAddress } from "../parsers/addresses.ts";
import { boolean, oneOf, optional, port } from "../parsers/parser.ts";
import { option } from "./option.ts";

export const admin = {
  host: option({
    env: "POGO_ADMIN_HOST",
    parser: bindHost,
    fallback: "127.0.0.1",
    docs: "Address of the admin port. Except for the console (`POGO_ADMIN_TOKEN`) it asks for no password: on another address than `127.0.0.1`, whoever reaches it can read metrics and health. Probes of Kubernetes need `0.0.0.0`.",
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
    docs: "URL at which a browser reaches the admin port of this node: `http://10.0.0.7:2019`. With Redis, the consoles of the other nodes link to it.",
  }),
  allowedHosts: option({
    env: "POGO_ADMIN_ALLOWED_HOSTS",
    parser: hostNames,
    fallback: [],
    docs: "Host names that requests to the admin port may name, besides `localhost` and IP addresses; others get 421. An empty list refuses all other names if `POGO_ADMIN_HOST` is a loopback address, where a foreign web page could reach the port by DNS rebinding, and none elsewhere.",
  }),
} as const;

export const console = {
  token: option({
    env: "POGO_ADMIN_TOKEN",
    parser: optional(token),
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "Token that the console on the admin port (`/`) asks for at login, 16 characters or more. Without one the console is open if `POGO_ADMIN_HOST` is a loopback address, and off elsewhere. Metrics, probes, `/hold`, `/release` and `/drain` ask for no token.",
  }),
  showsPayloads: option({
    env: "POGO_CONSOLE_PAYLOADS",
    parser: boolean,
    fallback: false,
    docs: "Allow the console to show the contents of events, when somebody asks for them there. When off, it shows only names and sizes. Events carry what the app's users wrote, so leave it off if the console is open to people who should not read them.",
  }),
} as const;

export const metrics = {
  hotPath: option({
    env: "POGO_HOT_PATH_METRICS",
    original: "POGO_WS_HOT_PATH_METRICS",
    parser: boolean,
    fallback: false,
    docs: "Add histograms of every publish, frame and write to `/metrics`. They are meant for measurements, since each message then costs more.",
  }),
} as const;

export const log = {
  level: option({
    env: "POGO_LOG_LEVEL",
    parser: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    fallback: "info",
    docs: "Lowest level that is logged, on standard output. `debug` has each connection, subscription, event and request, by name and size; `trace` also their contents, without signatures, cookies and other secrets.",
  }),
  format: option({
    env: "POGO_LOG_FORMAT",
    parser: oneOf(["auto", "text", "json"]),
    fallback: "auto",
    docs: "Format of log lines. `text` is aligned for people, in colour in a terminal (`NO_COLOR` and `FORCE_COLOR` are respected); `json` is one object per line. `auto`: `text` in a terminal, else `json`.",
  }),
  access: option({
    env: "POGO_ACCESS_LOG",
    parser: oneOf(["off", "errors", "all"]),
    fallback: "errors",
    docs: "Which HTTP requests and handshakes are logged at `info`. `errors`: requests that the sidecar refused or that ended with 500 or above, at most 20 at once and then one a second. A line has method, path without query, status, bytes, times, addresses and `X-Request-Id`.",
  }),
} as const;
