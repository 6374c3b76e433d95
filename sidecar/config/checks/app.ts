/** Contradictions within one app, and between apps. */

import type { App } from "../../core/app.ts";
import { findIn, type Check } from "./check.ts";
import { quote, type ConfigError } from "../errors.ts";
import { table } from "../table/table.ts";
import { readAll, type Values } from "../table/values.ts";
import type { AppScope } from "../sources/reader.ts";
import { showDuration } from "../../core/duration.ts";

/** @param before the apps in front of this one */
export function findAppConflicts(
  app: App,
  scope: AppScope,
  { before, hasUpstream }: { before: readonly App[]; hasUpstream: boolean },
): readonly ConfigError[] {
  return [
    ...findIn(checksOfApp, app, scope),
    ...findTwins(before, app, scope),
    ...findInWebhooks(app, scope, hasUpstream),
  ];
}

const checksOfApp: readonly Check<App>[] = [
  {
    about: [table.app.pongWaitMs, table.app.pingPeriodMs],
    find({ pongWaitMs, pingPeriodMs }) {
      if (pongWaitMs > pingPeriodMs) return null;
      const [pong, ping] = [showDuration(pongWaitMs), showDuration(pingPeriodMs)];
      return `${pong} is not longer than the ping period (${ping}): every silent client would be closed before it can answer its ping. Leave it out, or set it above ${ping}.`;
    },
  },
];

/** What one webhook's options say, and what they are held against. */
interface WebhookSubject extends Values<typeof table.webhook> {
  readonly app: App;
  readonly hasUpstream: boolean;
}

const checksOfWebhook: readonly Check<WebhookSubject>[] = [
  {
    about: [table.webhook.urls, table.upstream.address],
    find({ urls, hasUpstream }) {
      const index = urls.findIndex((url) => url.startsWith("/"));
      if (index === -1 || hasUpstream) return null;
      const which = urls.length === 1 ? "it" : `URL ${index + 1}`;
      return `${which} is a path on the upstream, and POGO_UPSTREAM is none. Give the whole URL.`;
    },
  },
  {
    about: [table.webhook.events, table.app.subscriptionCount],
    find({ app, urls, events }) {
      const isWanted = urls.length > 0 && events?.has("subscription_count");
      return isWanted && !app.subscriptionCount
        ? `subscription_count would never be sent, for app ${app.id} does not count. Turn that on (POGO_SUBSCRIPTION_COUNT, or subscription_count in its entry), or leave the event out.`
        : null;
    },
  },
];

/** An app is found by its id and by its key: each may be there once. */
function findTwins(
  before: readonly App[],
  app: App,
  { hasFailed, nameOf }: AppScope,
): readonly ConfigError[] {
  return (
    [
      ["id", table.app.id],
      ["key", table.app.key],
    ] as const
  ).flatMap(([field, option]): ConfigError[] => {
    const twin = before.findIndex((other) => other[field] === app[field]);
    if (twin === -1 || hasFailed(option)) return [];
    const message = `apps[${twin}] has the ${field} ${quote(app[field])} too; each app needs its own.`;
    return [{ kind: "conflict", name: nameOf(option), message }];
  });
}

function findInWebhooks(app: App, scope: AppScope, hasUpstream: boolean): readonly ConfigError[] {
  return scope.webhooks.flatMap((webhook) => {
    const values = readAll(table.webhook, webhook.read);
    const found = findIn(checksOfWebhook, { ...values, app, hasUpstream }, webhook);
    if (!scope.hasOwnWebhooks || values.urls.length > 0 || webhook.hasFailed(table.webhook.urls)) {
      return found;
    }
    const name = webhook.nameOf(table.webhook.urls);
    return [...found, { kind: "missing", name, message: "it is not set; a webhook needs one." }];
  });
}
