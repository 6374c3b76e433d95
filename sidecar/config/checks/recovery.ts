/** What POGO_RECOVERY_AUTH needs, so that nobody turns it on to no effect. */

import type { Check } from "./check.ts";
import { table } from "../table/table.ts";
import type { Config } from "../derive.ts";

const { recovery, redis, upstream } = table;

export const checksOfRecovery: readonly Check<Config>[] = [
  {
    about: [recovery.authorizes, recovery.mode],
    find: ({ recovery: { authorizes, mode } }) =>
      authorizes && mode === "off"
        ? "it grants again what a page had when it was cut off, and with POGO_RECOVERY=off nobody knows that. Set POGO_RECOVERY to orderly or all, or leave this out."
        : null,
  },
  {
    about: [recovery.authorizes, recovery.setsCookie],
    find: ({ recovery: { authorizes, setsCookie } }) =>
      authorizes && !setsCookie
        ? "a page is known by its token and its browser's cookie together, and POGO_RECOVERY_COOKIE=false sets none. Leave one of the two out."
        : null,
  },
  {
    about: [recovery.authorizes, upstream.address],
    find: ({ recovery: { authorizes }, upstream: { address } }) =>
      authorizes && address === null
        ? "the app's auth endpoint is asked elsewhere, for POGO_UPSTREAM is none: what it grants is not seen here. Set POGO_UPSTREAM, or leave this out."
        : null,
  },
  {
    about: [recovery.authorizes, recovery.stateDirectory, redis.url, redis.host],
    find: ({ recovery: { authorizes, mode, stateDirectory }, redis }) =>
      authorizes && mode === "orderly" && stateDirectory === null && !redis
        ? "with POGO_RECOVERY=orderly nothing outlives a single node but in POGO_RECOVERY_STATE_DIR. Set that, or POGO_RECOVERY=all, or leave this out."
        : null,
  },
];
