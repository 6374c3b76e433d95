/** Doubles for what the core talks to, and an app to talk about: for tests only. */

import type { App } from "../app.ts";
import { createMemoryPresence } from "../../broker/memory-presence.ts";
import { createMemoryBroker } from "../../broker/memory.ts";
import { Connection } from "../connection.ts";
import { payloadOf, type Frame } from "../frame.ts";
import { handleMessage } from "../handlers.ts";
import { Hub } from "../hub.ts";
import type { ErrorData } from "../dialect.ts";
import type { PresenceListener, PresenceStore } from "../presence-store.ts";
import { RecoveryClient } from "../recovery/client.ts";
import { Grants } from "../recovery/grants.ts";
import type { Recovery } from "../recovery/recovery.ts";
import { SubscriptionBudget } from "../subscription-budget.ts";
import type { Transport } from "../transport.ts";
import type {
  Broker,
  ChannelAuthorizer,
  ChannelEvent,
  Handshake,
  UserAuthenticator,
  WebhookEvent,
  Webhooks,
} from "../ports.ts";
import type { EventKind, Report, SidecarEvent } from "../report.ts";
import { sign } from "../signature.ts";

export const testApp: App = {
  id: "app-id",
  key: "app-key",
  secret: "app-secret",
  allowedOrigins: ["*"],
  activityTimeoutSeconds: 30,
  pingPeriodMs: 54_000,
  pongWaitMs: 60_000,
  maxConnections: null,
  maxMessageBytes: 10_000,
  acceptClientEventsFrom: "members",
  clientEventRate: { perSecond: 250, burst: 250 },
  messageRate: null,
  terminateOnLimit: false,
  subscriptionCount: false,
  maxChannelsPerConnection: null,
  maxPresenceMembers: null,
  maxPresenceMemberBytes: null,
  presenceGraceMs: 0,
  acceptsUnsignedAnswers: false,
  publishRate: null,
  maxEventNameLength: 200,
  maxEventDataBytes: 262_144,
  maxChannelsPerPublish: 100,
};

/** What a client would have received: messages parsed, `data` still as it is on the wire. */
export class RecordingTransport implements Transport {
  readonly messages: Record<string, unknown>[] = [];
  /** The same as text, from the first one on. */
  readonly texts: string[] = [];
  /** The frames themselves. */
  readonly frames: Frame[] = [];
  /** Payloads of pings (RFC 6455 §5.5.2), which are no messages. */
  readonly pings: string[] = [];
  closed: { code: number; reason: string } | null = null;
  /** Frames that are longer find no room; those that are sent nevertheless are recorded all the same. */
  roomBytes = Number.POSITIVE_INFINITY;

  send(frame: Frame): void {
    if (this.closed) throw new Error("sent after close");
    this.frames.push(frame);
    const text = payloadOf(frame).toString();
    if (frame[0] === 0x89) return void this.pings.push(text);
    this.texts.push(text);
    this.messages.push(JSON.parse(text));
  }

  hasRoom(bytes: number): boolean {
    return bytes <= this.roomBytes;
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  /** What came since the last call. */
  take(): Record<string, unknown>[] {
    return this.messages.splice(0);
  }
}

/** A report that keeps all that is reported, in order. */
export function recordReports() {
  const events: SidecarEvent[] = [];
  const report: Report = (event) => void events.push({ ...event });
  return {
    report,
    events,
    /** Those of these kinds. */
    of: <K extends EventKind>(...kinds: K[]) =>
      events.filter((event) => kinds.some((kind) => kind === event.kind)) as SidecarEvent<K>[],
  };
}

const testHandshake: Handshake = { rawHeaders: [], remoteAddress: "127.0.0.1" };

export type TestNode = ReturnType<typeof createTestNode>;

/** A node with one app, and clients that speak to it without a network. */
export function createTestNode(
  options: {
    app?: Partial<App>;
    authorizer?: Partial<ChannelAuthorizer & UserAuthenticator>;
    presence?: (listener: PresenceListener) => PresenceStore;
    maxSubscriptions?: number;
    recovery?: (report: Report, onSeatEnded: (token: string, channel: string) => void) => Recovery;
    /** At once, if left out. */
    schedule?: (run: () => void) => void;
  } = {},
) {
  const app: App = { ...testApp, ...options.app };
  const reports = recordReports();
  const { report } = reports;
  const webhookEvents: WebhookEvent[] = [];
  const webhooks: Webhooks = { notify: (_appId, event) => void webhookEvents.push(event) };
  const hub = new Hub({
    app,
    report,
    webhooks,
    presence: options.presence ?? createMemoryPresence,
    recovery: options.recovery
      ? (onSeatEnded) => options.recovery?.(report, onSeatEnded) as Recovery
      : null,
    budget: new SubscriptionBudget(options.maxSubscriptions ?? 1_000_000),
    schedule: options.schedule ?? ((run) => run()),
  });
  const relayed: ChannelEvent[] = [];
  const broker: Broker = {
    ...createMemoryBroker({
      receiver: {
        deliver: (event) => void hub.broadcast(event),
        terminate: (_appId, userId, beforeMs) => void hub.terminateUser(userId, beforeMs),
      },
      cacheTtlMs: 1_800_000,
      maxCacheBytes: 1_000_000,
    }),
    relay: (event) => void relayed.push(event),
  };
  const authorizer = options.authorizer
    ? {
        authorize: () => Promise.reject(new Error("not expected")),
        authenticate: () => Promise.reject(new Error("not expected")),
        ...options.authorizer,
      }
    : null;
  const dependencies = { hub, broker, report, authorizer, webhooks };
  const clock = { nowMs: 0 };
  let clients = 0;

  function connect({
    errorData = "string",
    token = null,
    isOfOnePage = true,
    browser = null,
  }: {
    errorData?: ErrorData;
    token?: string | null;
    isOfOnePage?: boolean;
    /** Digest of the cookie of its browser. */
    browser?: string | null;
  } = {}) {
    const transport = new RecordingTransport();
    const socketId = `1.${++clients}`;
    const { nowMs } = clock;
    const connection = new Connection({
      app,
      socketId,
      handshake: testHandshake,
      transport,
      report,
      errorData,
      nowMs,
      recovery:
        token === null
          ? null
          : new RecoveryClient(
              { key: token, isOfOnePage },
              browser === null ? null : new Grants(browser),
            ),
    });
    hub.connect(connection);
    return {
      connection,
      socketId,
      transport,
      /** Sends a message whose answers are not waited for. */
      write(message: unknown): void {
        handleMessage(connection, JSON.stringify(message), dependencies, clock.nowMs);
      },
      /** Sends a message, and returns what has come by the time that it is handled. */
      say(message: unknown): Promise<Record<string, unknown>[]> {
        return this.sayText(JSON.stringify(message));
      },
      async sayText(text: string): Promise<Record<string, unknown>[]> {
        handleMessage(connection, text, dependencies, clock.nowMs);
        await idle();
        return transport.take();
      },
      /** Subscribes with a signature, as after a visit to the app's auth endpoint. */
      subscribe(channel: string, channelData?: string): Promise<Record<string, unknown>[]> {
        return this.say(this.signed(channel, channelData));
      },
      /** The message of that. */
      signed(channel: string, channelData?: string) {
        const text = [socketId, channel, channelData]
          .filter((part) => part !== undefined)
          .join(":");
        const auth = `${app.key}:${sign(app.secret, text)}`;
        return { event: "pusher:subscribe", data: { channel, auth, channel_data: channelData } };
      },
      disconnect: () => hub.disconnect(connection, 1006),
    };
  }

  return { app, hub, broker, reports, webhookEvents, relayed, clock, dependencies, connect };
}

/** Nothing is left that could be done without a timer or a socket. */
export function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `pusher:subscription_error`, or without a channel `pusher:signin_error`, as it is on the wire. */
export function refusalMessage(
  refusal: { type: string; error: string; status: number },
  channel?: string,
): Record<string, unknown> {
  const { type, error, status } = refusal;
  const data = JSON.stringify({ type, error, status });
  return channel === undefined
    ? { event: "pusher:signin_error", data }
    : { event: "pusher:subscription_error", data, channel };
}

/** `pusher:error` as it is on the wire. */
export function errorMessage(code: number, message: string): Record<string, unknown> {
  return { event: "pusher:error", data: JSON.stringify({ code, message }) };
}
