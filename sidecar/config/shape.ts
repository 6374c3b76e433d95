/** The effective configuration: what `createSidecar` is given, grouped by who needs it. */

import type { App, Rate } from "../core/app.ts";
import type { WebhookEvent } from "../core/ports.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface WebhookEndpoint {
  /** `http(s)://…`, or `/…`: a path on the upstream, which then is not null. */
  readonly url: string;
  /** Null: all of them. */
  readonly events: ReadonlySet<WebhookEvent["name"]> | null;
  /** Null: of all channels. */
  readonly channelPrefix: string | null;
  readonly secret: string;
}

export interface WebhookApp {
  readonly id: string;
  readonly key: string;
  readonly endpoints: readonly WebhookEndpoint[];
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** In which of Redis' forms it is there, and how it is found. */
export type RedisServers =
  | ({ readonly kind: "standalone" } & Address)
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "sentinel";
      readonly sentinels: readonly Address[];
      readonly masterName: string;
      /** Who we are to the sentinels themselves. */
      readonly username: string | null;
      readonly password: string | null;
    }
  | { readonly kind: "cluster"; readonly nodes: readonly Address[] };

export interface Config {
  /** The tenants; at least one. Ids and keys are unique. */
  readonly apps: readonly App[];

  /** The one port that takes all traffic. */
  readonly server: {
    readonly host: string;
    /** 0: the system picks a free one. */
    readonly port: number;
    /** In front of `/app` and `/apps`: empty, or `/…` without a slash at the end. */
    readonly path: string;
    /** From a request's first byte to the end of its headers. 0: no limit. */
    readonly headersTimeoutMs: number;
    /** From a request's first byte to the end of its body. 0: no limit. */
    readonly requestTimeoutMs: number;
    /** An idle connection is kept so long for a next request. */
    readonly keepAliveTimeoutMs: number;
    /** What is still open so long after a stop signal is cut. */
    readonly shutdownTimeoutMs: number;
    /** WebSockets are closed over so long after a stop signal; 0: all at once. Shorter than `shutdownTimeoutMs`. */
    readonly drainWindowMs: number;
  };

  /** The PHP application behind. */
  readonly upstream: {
    /** `http://host:port` (no slash at the end) or `unix:/path`; null: stand-alone, in the place of Reverb. */
    readonly address: string | null;
    readonly connectTimeoutMs: number;
    /** Until the response's headers; 504 after. 0: no limit. */
    readonly responseTimeoutMs: number;
    /** Bytes of a proxied request's body; null: no limit. */
    readonly maxBodyBytes: number | null;
    /** Addresses and CIDR ranges (`10.0.0.0/8`, `::1`) whose `X-Forwarded-*` are believed. */
    readonly trustedProxies: readonly string[];
  };

  /** `/metrics`, `/livez`, `/readyz`, `/pogo/health`: a listener of its own, never the public port. */
  readonly admin: { readonly host: string; readonly port: number };

  /** The subrequest for a subscribe without a signature. */
  readonly authorizer: {
    readonly authPath: string;
    readonly userAuthPath: string;
    /** In all: connect, headers and body. */
    readonly timeoutMs: number;
    readonly maxBodyBytes: number;
    readonly maxConcurrent: number;
    readonly breaker: { readonly failures: number; readonly openMs: number };
    readonly perConnection: {
      readonly maxFailures: number;
      readonly maxDenials: number;
      readonly windowMs: number;
    };
  };

  readonly websocket: {
    /** Open connections of this node, all apps together. */
    readonly maxConnections: number;
    /** Handshakes of one client IP. */
    readonly handshakeRate: Rate;
    /** Bytes that may wait for one connection. */
    readonly outboundQueueBytes: number;
    /** A connection that is still full after this is closed with 4100. */
    readonly writeWaitMs: number;
  };

  /** Pusher's HTTP API. */
  readonly httpApi: {
    readonly maxBodyBytes: number;
    readonly timestampToleranceMs: number;
  };

  /** Who is told what happens on channels. */
  readonly webhooks: {
    /** One for each of `apps`, in their order. */
    readonly apps: readonly WebhookApp[];
    /** How long an event waits for others to share its request; 0: for none. */
    readonly batchWindowMs: number;
    /** How long an end waits for its undoing; 0: it is told at once. */
    readonly graceMs: number;
    /** For each endpoint. */
    readonly maxQueuedEvents: number;
    /** For one attempt. */
    readonly timeoutMs: number;
    /** How long an event is tried; 0: once. */
    readonly retryForMs: number;
  };

  /** Redis, which joins several nodes; null: one node, all in memory. */
  readonly redis: {
    readonly servers: RedisServers;
    readonly username: string | null;
    readonly password: string | null;
    /** 0 in a cluster. */
    readonly db: number;
    /** Null: none. */
    readonly tls: {
      /** PEM text of the authorities to believe in place of the system's; null: the system's. */
      readonly ca: string | null;
      readonly isVerified: boolean;
    } | null;
    /** In front of all keys and channels. */
    readonly prefix: string;
    /** For one publish, retries included; and the silence after which Redis counts as lost. */
    readonly timeoutMs: number;
    /** Publishes under way at most. */
    readonly queueSize: number;
    /** Silence of a node after which its members are taken over. */
    readonly nodeLeaseMs: number;
  } | null;

  readonly log: { readonly level: LogLevel };
}
