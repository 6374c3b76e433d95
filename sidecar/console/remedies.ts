/**
 * What would have been right in place of what was refused, with this node's own keys and limits, and the line that
 * fixes it.
 */

import type { App } from "../core/app.ts";
import { channelKind, laravelNameOf, maxChannelNameLength } from "../core/channel-name.ts";
import type { AuthorizationFault } from "../core/ports.ts";
import type { SidecarEvent } from "../core/report.ts";
import type { HandshakeRefusal } from "../core/report/websocket.ts";
import { isLoopbackHost } from "../http/ip-address.ts";
import { atMost, errorLimits, publishLimits } from "./limits.ts";

export interface Remedy {
  readonly expected: string | null;
  readonly fix: Fix | null;
}

/** One line, and where it stands. */
export interface Fix {
  readonly where: string;
  readonly line: string;
}

/** What the node is set to. */
export interface Setting {
  /** All of the node. */
  readonly apps: readonly App[];
  /** `http://127.0.0.1:8000`, `unix:/run/app.sock`; null: there is no app behind. */
  readonly upstream: string | null;
}

export function remedyFor(event: SidecarEvent, { apps, upstream }: Setting): Remedy {
  const app = apps.find(({ id }) => "appId" in event && id === event.appId) ?? null;
  if (event.kind === "handshake_refused") return ofHandshake(event, app, apps);
  if (event.kind === "api_app_unknown") {
    return { expected: `the id ${someOf(apps.map(({ id }) => id))}`, fix: null };
  }
  if (!app) return none;
  switch (event.kind) {
    case "authorization_refused":
      return ofAuthorization(event, app, upstream);
    case "client_signature_refused":
      return ofSignature(event, app);
    case "error_sent":
      return ofError(event, app, apps);
    case "publish_refused":
      return { expected: publishLimits[event.reason]?.(app) ?? null, fix: null };
    case "api_signature_refused":
      return event.reason === "auth_key"
        ? { expected: `the key ${app.key}`, fix: keyLine(app) }
        : none;
    default:
      return none;
  }
}

const none: Remedy = { expected: null, fix: null };

function ofAuthorization(
  { reason, channel }: SidecarEvent<"authorization_refused">,
  app: App,
  upstream: string | null,
): Remedy {
  if (reason === "dispatch_error" && upstream !== null) return ofAbsence(upstream);
  if (notAsked.has(reason)) return { expected: waits[reason] ?? null, fix: null };
  return { expected: answerFor(channel, app), fix: fixes[reason]?.(channel, app) ?? null };
}

function ofAbsence(upstream: string): Remedy {
  const expected = `an app that listens at ${upstream} (POGO_UPSTREAM)`;
  const url = URL.parse(upstream);
  if (!url || !isLoopbackHost(url.hostname)) return { expected, fix: null };
  const line = `php artisan serve --host=${url.hostname} --port=${url.port || "80"}`;
  return { expected, fix: { where: "in the app’s folder, if artisan serves it", line } };
}

/** The app was not asked, or nobody would have read its answer. */
const notAsked: ReadonlySet<AuthorizationFault> = new Set([
  "origin",
  "too_many_failures",
  "concurrency_limit",
  "queue_full",
  "circuit_open",
  "aborted",
]);

const waits: Readonly<Partial<Record<AuthorizationFault, string>>> = {
  origin: "a page of the host that it connects to, or one of POGO_ALLOWED_ORIGINS",
  too_many_failures: "nothing of this visitor’s: the app is asked for it again after a while",
  concurrency_limit:
    "an app that answers before its permits (POGO_MAX_CONCURRENT_AUTH) are all taken",
  queue_full: "fewer questions at a time, or an app that answers them faster",
  circuit_open:
    "an app that answers: after POGO_AUTH_BREAKER_TIMEOUT one question tries whether it does",
};

function answerFor(channel: string | null, { key }: App): string {
  if (channel === null) return `status 200 with JSON: {"auth": "${key}:…", "user_data": "…"}`;
  const more = isPresence(channel) ? `, "channel_data": "…"` : "";
  return `status 200 with JSON: {"auth": "${key}:…"${more}}`;
}

const artisanUp: Fix = { where: "in the app’s folder", line: "php artisan up" };
const reverb: Fix = {
  where: ".env of the app, then php artisan config:clear",
  line: "BROADCAST_CONNECTION=reverb",
};
const bootstrap = "bootstrap/app.php";

/** Of what has one line in a Laravel app. */
const fixes: Readonly<
  Partial<Record<AuthorizationFault, (channel: string | null, app: App) => Fix | null>>
> = {
  forbidden: (channel) => (channel === null ? null : callbackFor(channel)),
  missing_channel_data: (channel) => (channel === null ? null : callbackFor(channel)),
  route_not_found: () => ({
    where: `${bootstrap}, in withRouting()`,
    line: "channels: __DIR__.'/../routes/channels.php',",
  }),
  csrf_token_mismatch: () => ({
    where: `${bootstrap}, in withMiddleware()`,
    line: "$middleware->validateCsrfTokens(except: ['broadcasting/*']);",
  }),
  service_unavailable: () => artisanUp,
  invalid_response_json: () => reverb,
  missing_signature: () => reverb,
};

function callbackFor(channel: string): Fix {
  const name = laravelNameOf(channel);
  const result = isPresence(channel) ? "['id' => $user->id, 'name' => $user->name]" : "true";
  const line = `Broadcast::channel('${name.replaceAll("'", "")}', fn ($user) => ${result});`;
  return { where: "routes/channels.php, to let everybody in who is logged in", line };
}

function ofSignature(
  { fault, socketId, channel }: SidecarEvent<"client_signature_refused">,
  app: App,
): Remedy {
  const { id, key } = app;
  const text = channel === null ? `${socketId}::user::{user_data}` : `${socketId}:${channel}`;
  const data = channel !== null && isPresence(channel) ? ":{channel_data}" : "";
  const whole = `${key}:HMAC-SHA256 of "${text}${data}" with the secret of app ${id}`;
  if (fault === "malformed") return { expected: whole, fix: null };
  if (fault === "wrong_key") return { expected: `the key ${key}`, fix: keyLine(app) };
  return {
    expected: whole,
    fix: {
      where: ".env of the app, then php artisan config:clear",
      line: `REVERB_APP_SECRET=… (the one that the sidecar has for app ${id})`,
    },
  };
}

function keyLine({ key }: App): Fix {
  return {
    where: ".env of the app, then php artisan config:clear",
    line: `REVERB_APP_KEY=${key}`,
  };
}

function ofError(
  { reason, channel }: SidecarEvent<"error_sent">,
  app: App,
  apps: readonly App[],
): Remedy {
  const expected = errorLimits[reason]?.(app) ?? null;
  if (reason === "client_events_disabled") {
    return { expected, fix: optionOf(app, apps, "accept_client_events_from", "members") };
  }
  if (reason === "invalid_channel_name" && channel !== null) {
    const line = channel.replace(/[^-\w=@,.;]+/g, "-").slice(0, maxChannelNameLength);
    return { expected, fix: line === "" ? null : { where: "a name such as", line } };
  }
  return { expected, fix: null };
}

function ofHandshake(
  { reason, sent }: SidecarEvent<"handshake_refused">,
  app: App | null,
  apps: readonly App[],
): Remedy {
  const expected = handshakes[reason]?.(app, apps) ?? null;
  const [only] = apps;
  if (reason === "unknown_key" && only && apps.length === 1) {
    const line = `VITE_REVERB_APP_KEY=${only.key}`;
    return { expected, fix: { where: ".env of the app, then npm run build", line } };
  }
  const host = sent === null ? undefined : URL.parse(sent)?.hostname;
  if (reason !== "origin" || !app || !host) return { expected, fix: null };
  const fix = optionOf(app, apps, "allowed_origins", [...app.allowedOrigins, host]);
  return { expected, fix };
}

const handshakes: Readonly<
  Partial<Record<HandshakeRefusal, (app: App | null, apps: readonly App[]) => string | null>>
> = {
  unknown_key: (_app, apps) => `the key ${someOf(apps.map(({ key }) => key))}`,
  origin: (app) => app && `an origin of ${app.allowedOrigins.join(", ")}`,
  over_quota: (app) => atMost(app?.maxConnections ?? null, "connections"),
};

/** Several apps have entries of their own in the config file, beside which the environment says what the others have. */
function optionOf(
  { id }: App,
  apps: readonly App[],
  name: string,
  value: string | readonly string[],
): Fix {
  return apps.length > 1
    ? { where: `the config file, at app ${id}`, line: `"${name}": ${JSON.stringify(value)}` }
    : { where: ".env", line: `POGO_${name.toUpperCase()}=${String(value)}` };
}

/** There may be any number of apps. */
function someOf(texts: readonly string[]): string {
  const shown = texts.slice(0, maxListed).join(" or ");
  return texts.length > maxListed ? `${shown}, or another of ${texts.length}` : shown;
}

const maxListed = 5;

function isPresence(channel: string): boolean {
  return channelKind(channel).access === "presence";
}
