/** All scenarios, in the order in which they run. */

import type { Scenario } from "./scenario.ts";
import { cluster } from "./scenarios/cluster.ts";
import { fanOut } from "./scenarios/fan-out.ts";
import { hostile } from "./scenarios/hostile.ts";
import { laravel } from "./scenarios/laravel.ts";
import { proxy } from "./scenarios/proxy.ts";
import { publish } from "./scenarios/publish.ts";

export const scenarios: readonly Scenario[] = [fanOut, cluster, hostile, publish, proxy, laravel];
