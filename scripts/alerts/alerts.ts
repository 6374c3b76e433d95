/** All alerts, in the order in which they are shown. */

import type { AlertGroup } from "./alert.ts";
import { appAlerts } from "./app.ts";
import { connectionAlerts } from "./connections.ts";
import { eventAlerts } from "./events.ts";
import { nodeAlerts } from "./node.ts";
import { redisAlerts } from "./redis.ts";

export const alertGroups: readonly AlertGroup[] = [
  { name: "pogo-app", title: "The app behind", alerts: appAlerts },
  { name: "pogo-events", title: "Events", alerts: eventAlerts },
  { name: "pogo-connections", title: "Connections", alerts: connectionAlerts },
  { name: "pogo-redis", title: "Redis and other nodes", alerts: redisAlerts },
  { name: "pogo-node", title: "The node", alerts: nodeAlerts },
];

export const alerts = alertGroups.flatMap((group) => group.alerts);
