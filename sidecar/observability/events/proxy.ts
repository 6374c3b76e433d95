/** Events of the proxy. */

import type { ProxyEvents, ProxyFault } from "../../core/report/proxy.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

export function proxyRows({ proxy }: Metrics): Rows<keyof ProxyEvents> {
  return {
    proxy_finished: {
      count({ status, durationMs }) {
        proxy.requestsTotal.inc({ code: status });
        proxy.requestDurationSeconds.observe(durationMs / 1000);
      },
      log: {
        level: "debug",
        message: "request proxied",
        fields: ({ method, status, durationMs }) => ({
          method,
          status,
          duration_ms: Math.round(durationMs),
        }),
      },
    },
    proxy_failed: {
      count: ({ fault }) => proxy.faultsTotal.inc({ fault }),
      log: {
        level: "warn",
        message: "the upstream did not answer a request properly",
        fields: ({ method, status, fault, cause }) => ({ method, status, fault, cause }),
        hint: ({ fault }) => faultHints[fault],
        throttle: ({ fault }) => fault,
      },
    },
  };
}

const faultHints: Readonly<Record<ProxyFault, string>> = {
  connect_failed: "is the app running, and does it listen at POGO_UPSTREAM?",
  connect_timeout: "the app takes no connections: is it overloaded, or POGO_UPSTREAM wrong?",
  response_timeout: "the app took too long: has it enough workers?",
  no_response: "the app closed the connection: did its worker crash?",
  bad_response: "the app's response is not HTTP that can be relayed",
  response_cut: "the app stopped in the middle of a response: did its worker crash?",
  not_sent: "this is a bug of the sidecar: please report it",
};
