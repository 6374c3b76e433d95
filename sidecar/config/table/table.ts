/** The option table: every option of the sidecar, one row each. `Config`, usage, checks and documents follow from it. */

import { app, clientMessages } from "./app.ts";
import { authorization, authorizer } from "./authorizer.ts";
import { httpApi, publishing } from "./http-api.ts";
import { admin, console, log, metrics } from "./operation.ts";
import type { Option } from "./option.ts";
import { recovery } from "./recovery.ts";
import { redisBroadcasts } from "./redis-broadcasts.ts";
import { redis } from "./redis.ts";
import { forwarding, server, upstream } from "./server.ts";
import { tracing } from "./tracing.ts";
import { flatten } from "./values.ts";
import { webhook, webhooks } from "./webhooks.ts";
import { websocket } from "./websocket.ts";
import { workers } from "./workers.ts";

/** What holds for the whole node: parts of `Config` as they are here. */
export const nodeTable = {
  server,
  forwarding,
  upstream,
  authorizer,
  websocket,
  recovery,
  httpApi,
  webhooks,
  admin,
  console,
  metrics,
  log,
  workers,
  tracing,
} as const;

/** Every row, under the names and in the units that the values have inside; `derive.ts` has what becomes of the rest. */
export const table = {
  ...nodeTable,
  app: { ...app, ...clientMessages, ...authorization, ...publishing },
  redisBroadcasts,
  webhook,
  redis,
} as const;

/** The rows as they are shown. */
export const optionGroups: readonly {
  readonly title: string;
  readonly rows: readonly Option<unknown>[];
}[] = [
  { title: "App", rows: flatten(app) },
  { title: "Client messages", rows: flatten(clientMessages) },
  { title: "Listening", rows: flatten({ server, forwarding }) },
  { title: "Upstream", rows: flatten(upstream) },
  { title: "Authorization without a signature", rows: flatten({ authorizer, authorization }) },
  { title: "Connections and queues", rows: flatten(websocket) },
  { title: "Recovery", rows: flatten(recovery) },
  { title: "HTTP API", rows: flatten({ httpApi, publishing }) },
  { title: "Webhooks", rows: flatten({ webhook, webhooks }) },
  { title: "Laravel's redis driver", rows: flatten(redisBroadcasts) },
  { title: "Redis (several nodes)", rows: flatten(redis) },
  { title: "Operation", rows: flatten({ workers, admin, console, metrics, log }) },
  { title: "Traces", rows: flatten(tracing) },
];

export const allOptions: readonly Option<unknown>[] = optionGroups.flatMap((group) => group.rows);

/** Those that may differ from app to app. */
export const perAppOptions = allOptions.filter(
  (row): row is Option<unknown> & { readonly perApp: string } => row.perApp !== undefined,
);
