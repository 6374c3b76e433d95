/** The option table: every option of the sidecar, one row each. Usage, checks and documents follow from it. */

import type { Option } from "./option.ts";
import { app, clientMessages } from "./options/app.ts";
import { authorization } from "./options/authorization.ts";
import { httpApi, limits } from "./options/limits.ts";
import { redis } from "./options/redis.ts";
import { operation, server, upstream } from "./options/traffic.ts";
import { webhooks } from "./options/webhooks.ts";

/** All rows by the name they have inside. */
export const options = {
  ...app,
  ...clientMessages,
  ...server,
  ...upstream,
  ...authorization,
  ...limits,
  ...httpApi,
  ...webhooks,
  ...redis,
  ...operation,
} as const;

/** The rows as they are shown. */
export const optionGroups: readonly {
  readonly title: string;
  readonly rows: readonly Option<unknown>[];
}[] = [
  { title: "App", rows: Object.values(app) },
  { title: "Client messages", rows: Object.values(clientMessages) },
  { title: "Listening", rows: Object.values(server) },
  { title: "Upstream", rows: Object.values(upstream) },
  { title: "Authorization without a signature", rows: Object.values(authorization) },
  { title: "Connections and queues", rows: Object.values(limits) },
  { title: "HTTP API", rows: Object.values(httpApi) },
  { title: "Webhooks", rows: Object.values(webhooks) },
  { title: "Redis (several nodes)", rows: Object.values(redis) },
  { title: "Operation", rows: Object.values(operation) },
];

export const allOptions: readonly Option<unknown>[] = optionGroups.flatMap((group) => group.rows);

/** Those that may differ from app to app. */
export const perAppOptions = allOptions.filter(
  (row): row is Option<unknown> & { readonly perApp: string } => row.perApp !== undefined,
);
