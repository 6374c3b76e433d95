/** That every option reaches the running sidecar: each is set, and its effect seen from outside. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { redisBroadcasts } from "../../sidecar/config/table/redis-broadcasts.ts";
import type { redis } from "../../sidecar/config/table/redis.ts";
import { allOptions, type table } from "../../sidecar/config/table/table.ts";
import type { EnvNames } from "../../sidecar/config/table/values.ts";
import { connectClient } from "../kit/client.ts";
import { startSidecar } from "../kit/start.ts";
import { appRows } from "./options/app.ts";
import { authorizerRows } from "./options/authorizer.ts";
import { httpApiRows } from "./options/http-api.ts";
import { operationRows } from "./options/operation.ts";
import { recoveryRows } from "./options/recovery.ts";
import { serverRows } from "./options/server.ts";
import { tracingRows } from "./options/tracing.ts";
import { upstreamRows } from "./options/upstream.ts";
import { webhooksRows } from "./options/webhooks.ts";
import { websocketRows } from "./options/websocket.ts";
import type { Row } from "./options/stage.ts";

type RedisNames = EnvNames<typeof redis> | EnvNames<typeof redisBroadcasts> | "POGO_ADMIN_URL";

const rows: Readonly<Record<Exclude<EnvNames<typeof table>, RedisNames>, Row>> = {
  ...appRows,
  ...serverRows,
  ...upstreamRows,
  ...authorizerRows,
  ...websocketRows,
  ...recoveryRows,
  ...httpApiRows,
  ...webhooksRows,
  ...operationRows,
  ...tracingRows,
};

/** These need a Redis, and go to the broker as one: proven by `redis-options.test.ts` and the tests of `sidecar/broker`. */
const withRedis: Readonly<Record<RedisNames, true>> = {
  POGO_REDIS_BROADCASTS: true,
  POGO_REDIS_BROADCASTS_PREFIX: true,
  POGO_SCALING_ENABLED: true,
  POGO_REDIS_URL: true,
  POGO_REDIS_HOST: true,
  POGO_REDIS_PORT: true,
  POGO_REDIS_USERNAME: true,
  POGO_REDIS_PASSWORD: true,
  POGO_REDIS_DB: true,
  POGO_REDIS_TLS: true,
  POGO_REDIS_TLS_CA: true,
  POGO_REDIS_TLS_VERIFY: true,
  POGO_REDIS_SENTINELS: true,
  POGO_REDIS_SENTINEL_MASTER: true,
  POGO_REDIS_SENTINEL_USERNAME: true,
  POGO_REDIS_SENTINEL_PASSWORD: true,
  POGO_REDIS_CLUSTER_NODES: true,
  POGO_REDIS_PREFIX: true,
  POGO_REDIS_TIMEOUT: true,
  POGO_BROKER_QUEUE_SIZE: true,
  POGO_NODE_LEASE: true,
  POGO_READY_WITHOUT_REDIS: true,
  POGO_ADMIN_URL: true,
};

describe("options reach the running sidecar", { concurrency: 4 }, () => {
  for (const [env, row] of Object.entries(rows)) {
    it(env, async (test) => {
      const clock = { nowMs: 1_000 };
      await row({
        test,
        clock,
        start: (value, more = {}) =>
          startSidecar(
            test,
            { POGO_SHUTDOWN_TIMEOUT: "500ms", ...more, [env]: value },
            { now: () => clock.nowMs },
          ),
        connect: ({ port }, path) =>
          connectClient(test, port, {}, path === undefined ? {} : { path }),
      });
    });
  }

  it("all of them", () => {
    const proven = [...Object.keys(rows), ...Object.keys(withRedis)];
    assert.deepEqual(proven.toSorted(), allOptions.map(({ env }) => env).toSorted());
  });
});
