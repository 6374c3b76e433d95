/** pusher-js as Node loads it: a CommonJS module that is the class, declared as an ES module that has it as default. */

import { createRequire } from "node:module";

import type * as module from "pusher-js" with { "resolution-mode": "require" };

type Constructor = typeof module.default.default;

export const Pusher: Constructor = createRequire(import.meta.url)("pusher-js");
export type Pusher = InstanceType<Constructor>;
export type Channel = ReturnType<Pusher["subscribe"]>;
