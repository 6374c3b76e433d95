/** Events of the node itself. */

import type { NodeEvents } from "../../core/report/node.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

export function nodeRows({ node }: Metrics): Rows<keyof NodeEvents> {
  return {
    listening: {
      log: {
        level: "info",
        message: "listening",
        fields: ({ address, apiSocket, port, adminPort, upstream, appIds }) => ({
          address,
          ...(apiSocket !== null && { api_socket: apiSocket }),
          port,
          admin_port: adminPort,
          upstream,
          apps: appIds,
        }),
      },
    },
    open_files_limited: {
      log: {
        level: "warn",
        message: "the limit of open files is lower than POGO_MAX_CONNECTIONS",
        fields: ({ limit, maxConnections }) => ({ limit, max_connections: maxConnections }),
        hint: ({ maxConnections }) =>
          `raise it to ${2 * maxConnections} where the sidecar is started (ulimit -n, LimitNOFILE in systemd), or lower POGO_MAX_CONNECTIONS: beyond it connections and probes get no answer`,
      },
    },
    open_files_exhausted: {
      log: {
        level: "error",
        message: "open files are used up: new connections are ended at once",
        fields: ({ limit }) => ({ limit }),
        hint: "raise the limit where the sidecar is started (ulimit -n, LimitNOFILE in systemd), or add a node; some are kept for the admin port",
        throttle: () => "",
      },
    },
    connection_refused: {
      count: () => node.connectionsRefused.inc(),
      log: {
        level: "warn",
        message: "a client has too many connections: one more was ended at once",
        fields: ({ limit }) => ({ limit }),
        hint: "POGO_MAX_TCP_CONNECTIONS_PER_IP are open from one address: raise it, or list the proxy in front in POGO_TRUSTED_PROXIES",
        throttle: () => "",
      },
    },
    leaving: {
      log: {
        level: "info",
        message: "not ready any more, and going on until the drain delay is over",
        fields: ({ delayMs }) => ({ delay_ms: delayMs }),
      },
    },
    draining: {
      count: () => node.draining.set(1),
      log: {
        level: "info",
        message: "draining",
        fields: ({ connections, requests, tunnels }) => ({ connections, requests, tunnels }),
        hint: ({ connections, requests, tunnels }) =>
          connections + requests + tunnels > 0
            ? "it ends once these have, or after POGO_SHUTDOWN_TIMEOUT; a second signal (Ctrl-C) ends it at once"
            : undefined,
      },
    },
    drain_timed_out: {
      log: {
        level: "warn",
        message: "shutdown timeout: cutting what is still open",
        hint: "raise POGO_SHUTDOWN_TIMEOUT if requests of the app take longer",
      },
    },
    console_used: {
      log: {
        level: "info",
        message: "the console was used",
        fields: ({ appId, action }) => ({ app_id: appId, action }),
      },
    },
    console_login_refused: {
      log: {
        level: "warn",
        message: "a login to the console was refused: its token is not POGO_ADMIN_TOKEN",
        hint: "if it was none of you, see who can reach POGO_ADMIN_HOST and POGO_ADMIN_PORT",
        throttle: () => "",
      },
    },
    stopped: { log: { level: "info", message: "stopped" } },
  };
}
