/** Events of the proxy. */

import type {
  ProxyEvents,
  ProxyFault,
  ProxyRefusal,
  RequestRefusal,
} from "../../core/report/proxy.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

/** What a client sent is not logged longer than this. */
const maxNameLength = 64;

export function proxyRows({ proxy }: Metrics): Rows<keyof ProxyEvents> {
  return {
    forwarded_for_ignored: {
      log: {
        level: "warn",
        message: "X-Forwarded-* of a peer that is not trusted is ignored",
        fields: ({ peer }) => (peer === null ? {} : { peer }),
        hint: ({ peer }) =>
          `if this is a proxy in front of the sidecar, list it in POGO_TRUSTED_PROXIES${peer === null ? "" : `, as ${peer} or its network`}: until then everybody behind it is one visitor to all limits, and the app sees its address instead of theirs and takes https for http`,
      },
    },
    field_dropped: {
      log: {
        level: "info",
        message: "a header field with _ in its name was not passed on to the app",
        fields: ({ name }) => ({ field: name.slice(0, maxNameLength) }),
        hint: "PHP takes it for the field of the same name with -, so that it could pretend to be one of the proxy's: send it with - (nginx drops it too)",
        throttle: () => "",
      },
    },
    request_refused: {
      isRefusal: true,
      count: ({ reason }) => proxy.requestsRefusedTotal.inc({ reason }),
      log: {
        level: "info",
        message: "a malformed or unsupported request was refused",
        fields: ({ reason, status, id, method, path }) => ({
          reason,
          status,
          ...(id !== null && { method, path, request_id: id }),
        }),
        hint: ({ reason }) => requestHints[reason],
        throttle: ({ reason }) => reason,
      },
    },
    app_away: {
      log: {
        level: "warn",
        message: "the app does not answer: requests wait for it",
        fields: ({ address, cause }) => ({ upstream: address, cause }),
        hint: "is the app running (`php artisan serve`), and does it listen at POGO_UPSTREAM? Requests wait up to POGO_UPSTREAM_WAIT, and are answered 503 then",
      },
    },
    app_back: {
      log: {
        level: "info",
        message: "the app is back",
        fields: ({ afterMs, waited }) => ({
          after_ms: Math.round(afterMs),
          requests_waited: waited,
        }),
      },
    },
    requests_paused: {
      log: {
        level: "info",
        message: "new requests do not reach the app, as was asked for on the admin port",
        fields: ({ forMs }) => ({ for_ms: forMs }),
        hint: ({ isForGood }) =>
          isForGood
            ? "they are answered 503: the node is draining, and stops before that time is over"
            : "they wait; `pogo-sidecar release` lets them go on before that time",
      },
    },
    requests_resumed: {
      log: {
        level: "info",
        message: "requests go on",
        fields: ({ afterMs, waiting }) => ({
          after_ms: Math.round(afterMs),
          requests_waited: waiting,
        }),
      },
    },
    proxy_refused: {
      isRefusal: true,
      count: ({ reason }) => proxy.refusedTotal.inc({ reason }),
      log: {
        level: "warn",
        message: "a request was not passed on to the upstream and answered 503",
        fields: ({ reason }) => ({ reason }),
        hint: ({ reason }) => refusalHints[reason],
        throttle: ({ reason }) => reason,
      },
    },
    proxy_finished: {
      count({ status, durationMs }) {
        proxy.requestsTotal.inc({ code: status });
        proxy.requestDurationSeconds.observe(durationMs / 1000);
      },
    },
    request_finished: {
      log: {
        level: ({ level }) => level,
        message: "request",
        fields: ({ method, path, status, bytes, firstByteMs, durationMs, ...others }) => ({
          method,
          path,
          status,
          bytes,
          first_byte_ms: toTenths(firstByteMs),
          duration_ms: toTenths(durationMs),
          client_ip: others.client,
          upstream: others.upstream,
          request_id: others.id,
          ...(others.traceId !== null && { trace_id: others.traceId }),
          ...(others.suppressed > 0 && { suppressed: others.suppressed }),
        }),
      },
    },
    proxy_failed: {
      isRefusal: true,
      count: ({ fault }) => proxy.faultsTotal.inc({ fault }),
      log: {
        level: "warn",
        message: "the upstream did not answer a request properly",
        fields: ({ id, method, path, status, fault, cause }) => ({
          method,
          path,
          status,
          fault,
          cause,
          request_id: id,
        }),
        hint: ({ fault }) => faultHints[fault],
        throttle: ({ fault }) => fault,
      },
    },
  };
}

function toTenths(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

export const requestHints: Readonly<Record<RequestRefusal, string>> = {
  tls: "something speaks TLS to this port: use ws:// and http:// (REVERB_SCHEME=http), or put a proxy that ends TLS in front",
  head_too_large: "POGO_MAX_HEADER_SIZE is the limit; large cookies are the usual cause",
  pipelining: "a client sends many requests without waiting for answers",
  malformed: "what came is no HTTP/1.1: is it meant for another port?",
  host: "a proxy in front sends no Host, or one that is none (nginx: proxy_set_header Host $http_host)",
  version: "a proxy in front must speak HTTP/1.1 (nginx: proxy_http_version 1.1)",
  method: "TRACE, CONNECT and methods that HTTP does not know go to no app",
  expectation: "Expect: 100-continue is the only one there is",
  duplicate_field:
    "a proxy in front adds a field that the client has sent already: have it replace it",
  framing:
    "where the body ends is uncertain: a proxy in front, or a client, has both lengths or none",
  handshake: "a WebSocket handshake is a GET without a body (RFC 6455): is it a browser?",
  target: "the path has characters that no path has: the client must encode them",
  timeout: "POGO_HEADERS_TIMEOUT and POGO_REQUEST_TIMEOUT are the limits",
};

export const refusalHints: Readonly<Record<ProxyRefusal, string>> = {
  queue_full:
    "the app is slower than its visitors: give it more workers, or raise POGO_MAX_UPSTREAM_CONNECTIONS or POGO_UPSTREAM_QUEUE_SIZE",
  queue_timeout:
    "the app is slower than its visitors: give it more workers, or raise POGO_MAX_UPSTREAM_CONNECTIONS or POGO_UPSTREAM_QUEUE_WAIT",
  away_queue_full:
    "the app can't be connected to, or new requests are held, and POGO_MAX_UPSTREAM_WAITING wait: start it, or release them (`pogo-sidecar release`)",
  away_timeout:
    "the app could not be connected to for POGO_UPSTREAM_WAIT: start it; or the node stopped before a hold was over: release it first (`pogo-sidecar release`)",
  too_many_websockets: "POGO_MAX_UPSTREAM_WEBSOCKETS is the limit",
};

export const faultHints: Readonly<Record<ProxyFault, string>> = {
  connect_failed: "is the app running, and does it listen at POGO_UPSTREAM?",
  connect_timeout: "the app takes no connections: is it overloaded, or POGO_UPSTREAM wrong?",
  response_timeout: "the app took too long: has it enough workers?",
  no_response: "the app closed the connection: did its worker crash?",
  bad_response: "the app's response is not HTTP that can be relayed",
  head_too_large: "POGO_UPSTREAM_MAX_HEADER_SIZE is the limit; large cookies are the usual cause",
  response_cut: "the app stopped in the middle of a response: did its worker crash?",
  not_sent: "this is a bug of the sidecar: please report it",
};
