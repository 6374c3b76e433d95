/** Clients of workers that stop or are killed: what they missed comes to them, at whichever worker they come back to. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, test } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { askRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import type { RedisServer } from "../../sidecar/testing/redis/redis-server.ts";
import type { Client } from "./support/client.ts";
import { createScope, eventsOf, redisAt, untilDelivered, type Env } from "./support/cluster.ts";
import type { ClusterNode } from "./support/node.ts";

const [news, room] = ["news", "presence-room"];

describe("recovery over the workers of one sidecar", { skip: needsRedis() }, () => {
  const scope = createScope();
  let redis: RedisServer;
  let env: Env;

  beforeEach(async () => {
    redis = await scope.redis();
    env = redisAt(redis.port);
  });
  afterEach(() => scope.end());

  async function comes(token: string, at: ClusterNode): Promise<Client> {
    const client = await scope.client(at, token);
    await client.subscribe(news);
    await client.join(room, "ada");
    await untilDelivered(at, news, [client]);
    return client;
  }

  /** To whichever worker of the port: an event has been published meanwhile. */
  async function comesBack(token: string, at: ClusterNode): Promise<Client> {
    await at.api.publish(news, "missed");
    const back = await scope.client(at, token);
    await back.subscribe(news);
    await back.join(room, "ada");
    await untilDelivered(at, news, [back]);
    return back;
  }

  test("Y05: of a worker that stops by itself: each event once, and nobody in the room sees it", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const [one, two] = nodes;
    const token = randomUUID();
    const before = await comes(token, one);
    const bea = await scope.client(two);
    await bea.join(room, "bea");
    const stopped = one.stop();
    assert.equal(await before.closed, 4200);
    const back = await comesBack(token, supervisor);
    assert.deepEqual(eventsOf(back, news), ["missed"]);
    await stopped;
    await bea.roundTrip();
    assert.deepEqual(bea.changes(room), []);
  });

  test("Y05: of workers that all stop, with the sidecar: each event once, at its successor", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const tokens = nodes.map(() => randomUUID());
    const clients = await Promise.all(nodes.map((node, at) => comes(tokens[at] ?? "", node)));
    await supervisor.stop();
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [4100, 4100]);
    const { supervisor: successor } = await scope.workers(env);
    for (const [before, token] of tokens.entries()) {
      const back = await comesBack(token, successor);
      assert.deepEqual(eventsOf(back, news), Array(before + 1).fill("missed"));
    }
  });

  test("Y21: of a worker that is killed, with POGO_RECOVERY=all: nothing is missed", async () => {
    const { supervisor, nodes } = await scope.workers({ ...env, POGO_RECOVERY: "all" });
    const token = randomUUID();
    await comes(token, nodes[0]);
    await until("what it would leave is stored", async () => {
      const keys = await askRedis(redis.port, "KEYS", "*open:*");
      return Array.isArray(keys) && keys.length > 0;
    });
    await nodes[0].kill();
    const back = await comesBack(token, supervisor);
    assert.deepEqual(eventsOf(back, news), ["missed"]);
  });
});
