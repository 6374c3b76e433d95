/** Builds the `Config` from the options, each read once, and checks what only several of them show together. */

import type { App } from "../core/app.ts";
import { parseUpstream } from "../upstream/address.ts";
import type { ConfigError } from "./errors.ts";
import { options } from "./options.ts";
import type { Reader } from "./reader.ts";
import type { Config } from "./shape.ts";
import { showDuration } from "./units.ts";

export function assemble(reader: Reader): Config {
  const { read } = reader;
  return {
    apps: [readApp(reader)],
    server: {
      host: read(options.host),
      port: read(options.port),
      path: read(options.path),
      headersTimeoutMs: read(options.headersTimeout),
      requestTimeoutMs: read(options.requestTimeout),
      keepAliveTimeoutMs: read(options.keepAliveTimeout),
      shutdownTimeoutMs: read(options.shutdownTimeout),
    },
    upstream: {
      address: read(options.upstream),
      connectTimeoutMs: read(options.upstreamConnectTimeout),
      responseTimeoutMs: read(options.upstreamResponseTimeout),
      maxBodyBytes: read(options.maxBodySize),
      trustedProxies: read(options.trustedProxies),
    },
    admin: readAdmin(reader),
    authorizer: {
      authPath: read(options.authPath),
      timeoutMs: read(options.authTimeout),
      maxBodyBytes: read(options.maxAuthBody),
      maxConcurrent: read(options.maxConcurrentAuth),
      breaker: {
        failures: read(options.authBreakerFailures),
        openMs: read(options.authBreakerTimeout),
      },
      perConnection: {
        maxFailures: read(options.maxAuthFailures),
        maxDenials: read(options.maxAuthDenials),
        windowMs: read(options.authFailureWindow),
      },
    },
    websocket: {
      maxConnections: read(options.maxConnections),
      handshakeRate: {
        perSecond: read(options.handshakeRate),
        burst: read(options.handshakeBurst),
      },
      outboundQueueBytes: read(options.outboundQueueBytes),
      writeWaitMs: read(options.writeWait),
    },
    httpApi: {
      maxBodyBytes: read(options.maxRequestSize),
      timestampToleranceMs: read(options.apiTimestampTolerance),
    },
    broker: { queueSize: read(options.brokerQueueSize) },
    log: { level: read(options.logLevel) },
  };
}

export function readAdmin({ read }: Reader): Config["admin"] {
  return { host: read(options.adminHost), port: read(options.adminPort) };
}

function readApp({ read }: Reader): App {
  const pingPeriodMs = read(options.pingPeriod);
  const isRateLimited = read(options.rateLimitingEnabled);
  const attempts = read(options.rateLimitMaxAttempts);
  const decaySeconds = read(options.rateLimitDecaySeconds);
  return {
    id: read(options.appId),
    key: read(options.appKey),
    secret: read(options.appSecret),
    allowedOrigins: read(options.allowedOrigins),
    activityTimeoutSeconds: read(options.activityTimeout) / 1000,
    pingPeriodMs,
    // The original's proportion of its two defaults, 54 s and 60 s.
    pongWaitMs: read(options.pongWait, Math.ceil((pingPeriodMs * 10) / 9)),
    maxConnections: read(options.appMaxConnections),
    maxMessageBytes: read(options.maxMessageSize),
    acceptClientEventsFrom: read(options.acceptClientEventsFrom),
    clientEventRate: {
      perSecond: read(options.clientMsgRateLimit),
      burst: read(options.clientMsgRateBurst),
    },
    messageRate: isRateLimited ? { perSecond: attempts / decaySeconds, burst: attempts } : null,
    terminateOnLimit: read(options.rateLimitTerminate),
    maxEventNameLength: read(options.maxEventNameLength),
    maxEventDataBytes: read(options.maxEventData),
    maxChannelsPerPublish: read(options.maxChannelsPerEvent),
  };
}

/** Contradictions between options that are each well formed. */
export function findConflicts(config: Config, reader: Reader): readonly ConfigError[] {
  const conflicts: ConfigError[] = [];
  const conflict = (name: string, message: string): void => {
    conflicts.push({ kind: "conflict", name, message });
  };
  const { server, admin, upstream } = config;

  for (const { pingPeriodMs, pongWaitMs } of config.apps) {
    if (pongWaitMs > pingPeriodMs) continue;
    const [pong, ping] = [showDuration(pongWaitMs), showDuration(pingPeriodMs)];
    conflict(
      options.pongWait.env,
      `${pong} is not longer than the ping period (${ping}): every silent client would be closed before it can answer its ping. Leave it out, or set it above ${ping}.`,
    );
  }
  if (server.port !== 0 && admin.port === server.port && overlap(server.host, admin.host)) {
    const message = `${admin.port} is the port of everything else too (POGO_PORT); the admin port must be another one.`;
    conflict(options.adminPort.env, message);
  }
  const target = upstream.address === null ? null : parseUpstream(upstream.address);
  if (target?.ok && target.upstream.kind === "tcp") {
    const { host, port } = target.upstream;
    if (port === server.port && isThisMachine(host) && overlap(server.host, host)) {
      const message = `${upstream.address} is the sidecar itself (POGO_PORT=${port}): requests would go round in circles. Set it to where the PHP application listens.`;
      conflict(options.upstream.env, message);
    }
  }
  const scaling = reader.readForeign("REVERB_SCALING_ENABLED")?.trim().toLowerCase();
  if (scaling && ["true", "(true)", "1", "on", "yes"].includes(scaling)) {
    conflict(
      "REVERB_SCALING_ENABLED",
      "scaling over Redis is not available in this version: events would not reach the clients of other nodes. Run one node, and set it to false.",
    );
  }
  return conflicts;
}

const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.") || wildcards.has(host);
}

/** Whether a listener on one address is reached by the other. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one, other].map((host) => (host === "localhost" ? "127.0.0.1" : host));
  return a === b || [one, other].some((host) => wildcards.has(host));
}
