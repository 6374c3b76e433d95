/** All scenarios, in the order in which they run. */

import type { Scenario } from "./scenario.ts";
import { avalanche } from "./scenarios/avalanche.ts";
import { broadcast } from "./scenarios/broadcast.ts";
import { cluster } from "./scenarios/cluster.ts";
import { consoleViewer } from "./scenarios/console.ts";
import { deploy } from "./scenarios/deploy.ts";
import { fanOut } from "./scenarios/fan-out.ts";
import { hostile } from "./scenarios/hostile.ts";
import { idle } from "./scenarios/idle.ts";
import { laravel } from "./scenarios/laravel.ts";
import { proxy } from "./scenarios/proxy.ts";
import { publish } from "./scenarios/publish.ts";
import { reconnect } from "./scenarios/reconnect.ts";
import { workers } from "./scenarios/workers.ts";

export const scenarios: readonly Scenario[] = [
  fanOut,
  broadcast,
  avalanche,
  idle,
  publish,
  proxy,
  laravel,
  cluster,
  workers,
  deploy,
  consoleViewer,
  reconnect,
  hostile,
];
