/** `Config`: the values of the option table, and those derived from them. */

import type { App } from "../core/app.ts";
import { isEveryAddress, urlHost } from "../http/host.ts";
import { isLoopbackHost } from "../http/ip-address.ts";
import type { WebhookApp, WebhookEndpoint } from "../webhooks/dispatcher.ts";
import type { FoundRedis } from "./redis.ts";
import type { AppScope, Reader } from "./sources/reader.ts";
import type { Read } from "./table/option.ts";
import { nodeTable, table } from "./table/table.ts";
import { readAll, type Values } from "./table/values.ts";

type NodeValues = Values<typeof nodeTable>;

/**
 * What `createSidecar` is given, grouped by who needs it. Names, units and bounds are those of the table's rows; of what
 * workers share it is the part of one.
 */
export type Config = NodeValues & {
  /** The tenants; at least one. Ids and keys are unique. */
  readonly apps: readonly App[];
  readonly webhooks: {
    /** One for each of `apps`, in their order. */
    readonly apps: readonly WebhookApp[];
  };
  /** Null: one node, all in memory. */
  readonly redis: FoundRedis["access"];
  /** What Laravel's `redis` driver publishes; null: no app takes that. */
  readonly redisBroadcasts: {
    readonly redis: NonNullable<FoundRedis["broadcasts"]>;
    readonly apps: readonly { readonly id: string; readonly prefix: string }[];
  } | null;
};

export function derive(reader: Reader, { access, broadcasts }: FoundRedis): Config {
  const workers = reader.read(table.workers.count);
  const apps = reader.apps.map((scope) => {
    const app = toApp(readAll(table.app, sharedBy(workers, scope.read)));
    const listening = readAll(table.redisBroadcasts, scope.read);
    return { app, listening, endpoints: readEndpoints(scope, app) };
  });
  const node = readAll(nodeTable, sharedBy(workers, reader.read));
  return {
    ...node,
    admin: { ...node.admin, url: node.admin.url ?? addressOf(node) },
    apps: apps.map(({ app }) => app),
    webhooks: {
      ...node.webhooks,
      apps: apps.map(({ app: { id, key }, endpoints }) => ({ id, key, endpoints })),
    },
    redis: access,
    redisBroadcasts: broadcasts && {
      redis: broadcasts,
      apps: apps.flatMap(({ app: { id }, listening: { isEnabled, prefix } }) =>
        isEnabled ? [{ id, prefix }] : [],
      ),
    },
  };
}

/** Of the console, where it is open to others and listens on one address that they can reach. */
function addressOf({ admin: { host, port }, console: { token } }: NodeValues): string | null {
  const isOneAddress = !isEveryAddress(host) && !isLoopbackHost(host);
  return token !== null && isOneAddress && port !== 0 ? `http://${urlHost(host)}:${port}/` : null;
}

/** What each of so many workers gets. */
function sharedBy(workers: number, read: Read): Read {
  return (option) => {
    const value = read(option);
    return workers > 1 && option.share ? option.share(value, workers) : value;
  };
}

/** Limits of two or three options each that are one value or none. */
function toApp({ rateLimiting, publishRate, ...app }: Values<typeof table.app>): App {
  const { enabled, maxAttempts, decaySeconds } = rateLimiting;
  const { perSecond, burst } = publishRate;
  return {
    ...app,
    messageRate: enabled ? { perSecond: maxAttempts / decaySeconds, burst: maxAttempts } : null,
    publishRate: perSecond === null ? null : { perSecond, burst },
  };
}

/** The secret is the app's where the webhook has none of its own. */
function readEndpoints({ webhooks }: AppScope, app: App): readonly WebhookEndpoint[] {
  return webhooks.flatMap(({ read }) => {
    const { urls, events, channelPrefix, ...own } = readAll(table.webhook, read);
    const secret = own.secret ?? app.secret;
    return urls.map((url) => ({ url, secret, events, channelPrefix }));
  });
}
