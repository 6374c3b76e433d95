/** Builds the `Config` from the options, each read once. */

import type { App } from "../core/app.ts";
import { options } from "./options.ts";
import type { AppScope, Reader, Scope } from "./reader.ts";
import { readRedis } from "./redis.ts";
import type { Config, WebhookEndpoint } from "./shape.ts";

export function assemble(reader: Reader): Config {
  const { read } = reader;
  const shutdownTimeoutMs = read(options.shutdownTimeout);
  const apps = reader.apps.map((scope) => {
    const app = readApp(scope);
    return { app, endpoints: readEndpoints(scope, app) };
  });
  return {
    apps: apps.map(({ app }) => app),
    server: {
      host: read(options.host),
      port: read(options.port),
      path: read(options.path),
      headersTimeoutMs: read(options.headersTimeout),
      requestTimeoutMs: read(options.requestTimeout),
      keepAliveTimeoutMs: read(options.keepAliveTimeout),
      shutdownTimeoutMs,
      drainWindowMs: read(options.drainWindow, Math.min(2_000, Math.floor(shutdownTimeoutMs / 2))),
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
      userAuthPath: read(options.userAuthPath),
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
    webhooks: {
      apps: apps.map(({ app: { id, key }, endpoints }) => ({ id, key, endpoints })),
      batchWindowMs: read(options.webhookBatchWindow),
      graceMs: read(options.webhookGrace),
      maxQueuedEvents: read(options.webhookQueueSize),
      timeoutMs: read(options.webhookTimeout),
      retryForMs: read(options.webhookRetryFor),
    },
    redis: readRedis(reader),
    log: { level: read(options.logLevel) },
  };
}

export function readAdmin({ read }: Scope): Config["admin"] {
  return { host: read(options.adminHost), port: read(options.adminPort) };
}

function readApp({ read }: Scope): App {
  const pingPeriodMs = read(options.pingPeriod);
  const isRateLimited = read(options.rateLimitingEnabled);
  const attempts = read(options.rateLimitMaxAttempts);
  const decaySeconds = read(options.rateLimitDecaySeconds);
  const publishPerSecond = read(options.apiPublishRate);
  const publishBurst = read(options.apiPublishBurst);
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
    subscriptionCount: read(options.subscriptionCount),
    maxChannelsPerConnection: read(options.maxChannelsPerConnection),
    maxPresenceMembers: read(options.maxPresenceMembers),
    maxPresenceMemberBytes: read(options.maxPresenceMemberSize),
    presenceGraceMs: read(options.presenceGrace),
    publishRate:
      publishPerSecond === null ? null : { perSecond: publishPerSecond, burst: publishBurst },
    maxEventNameLength: read(options.maxEventNameLength),
    maxEventDataBytes: read(options.maxEventData),
    maxChannelsPerPublish: read(options.maxChannelsPerEvent),
  };
}

/** The secret is the app's where the webhook has none of its own. */
function readEndpoints({ webhooks }: AppScope, app: App): readonly WebhookEndpoint[] {
  return webhooks.flatMap(({ read }) => {
    const events = read(options.webhookEvents);
    const channelPrefix = read(options.webhookChannelPrefix);
    const secret = read(options.webhookSecret, app.secret);
    const urls = read(options.webhookUrl);
    return urls.map((url) => ({ url, events: events && new Set(events), channelPrefix, secret }));
  });
}
