/** Sessions in a real Redis: how long what connections with one token have left is there. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { encodeSession, type Seat, type Session } from "../../core/recovery/session.ts";
import { connectRedis } from "../../testing/redis/redis-client.ts";
import { needsRedis } from "../../testing/redis/redis-needs.ts";
import { startRedis } from "../../testing/redis/redis-server.ts";
import { startTcpProxy } from "../../testing/tcp-proxy.ts";
import { startRedisNode } from "../testing/redis-node.ts";

const key = "test:1:{app}:away:browser";

async function start(test: TestContext) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const admin = connectRedis(test, redis.port);
  return {
    ...(await startNode(test, redis.port)),
    /** Another one, at a port of its own where it is to be cut off. */
    startNode: (port = redis.port) => startNode(test, port),
    port: redis.port,
    admin,
    /** As if this one's window had passed. */
    async expire(index: number): Promise<void> {
      const row = String(await admin.lindex(key, index));
      await admin.lset(key, index, row.replace(/^\d+/, "1"));
    },
  };
}

async function startNode(test: TestContext, port: number) {
  const servers = { kind: "standalone", host: "127.0.0.1", port } as const;
  const { broker, close } = await startRedisNode({ servers });
  test.after(close);
  const recovery = broker.recovery("app", { windowMs: 60_000, maxBytes: 1_000_000 });
  assert.ok(recovery);
  const { sessions } = recovery;
  return {
    broker,
    put: (session: Session) =>
      new Promise<boolean>((resolve) => sessions.put("browser", session, resolve)),
    take: () => new Promise<Session | null>((resolve) => sessions.take("browser", resolve)),
    /** What its open connection would leave. */
    store: (session: Session) =>
      new Promise<boolean>((resolve) =>
        sessions.checkpoints.store(new Map([["browser", encodeSession(session)]]), null, resolve),
      ),
  };
}

function leftAt(position: string, more: Partial<Session> = {}): Session {
  const seat: Seat = {
    position,
    earliest: position,
    member: null,
    socketIds: [],
    gap: null,
    isGranted: true,
  };
  const seats = new Map([["news", seat]]);
  return { users: new Set(), seats, connections: 1, grant: null, ...more };
}

const earliest = (session: Session | null) => session?.seats.get("news")?.earliest;

describe("sessions in Redis", { skip: needsRedis() }, () => {
  it("Y14: a tab that was away for longer than the window no longer counts, though others of its browser come and go", async (t) => {
    const { put, take, expire, admin } = await start(t);
    await put(leftAt("1-1"));
    await put(leftAt("2-1"));
    assert.equal(earliest(await take()), "1-1");
    await put(leftAt("3-1"));
    await expire(0);
    await expire(1);
    const found = await take();
    assert.equal(earliest(found), "3-1");
    assert.equal(found?.connections, 1);
    assert.deepEqual(await admin.keys("*away:*"), []);
    assert.equal(await take(), null);
  });

  it("Y14: each tab that is still away gets its turn, and nothing is left behind", async (t) => {
    const { put, take, expire, admin } = await start(t);
    for (const position of ["1-1", "2-1", "3-1"]) await put(leftAt(position));
    await expire(0);
    for (let times = 0; times < 2; times += 1) {
      const found = await take();
      assert.equal(earliest(found), "2-1");
      assert.equal(found?.connections, 2);
    }
    assert.equal(await take(), null);
    assert.deepEqual(await admin.keys("*away:*"), []);
  });

  it("Y19: a node that notices late that a page has gone on elsewhere leaves nothing of it beside", async (t) => {
    const { put, store, take, startNode } = await start(t);
    const other = await startNode();
    await store(leftAt("1-1"));
    // It does not answer in time.
    assert.equal(earliest(await other.take()), "1-1");
    await store(leftAt("1-1"));
    assert.equal(await other.take(), null);
    await put(leftAt("1-1"));
    await other.put(leftAt("2-1"));
    const found = await take();
    assert.equal(earliest(found), "2-1");
    assert.equal(found?.connections, 1);
    // From then on it is a page of this node as any other.
    await store(leftAt("2-1"));
    assert.equal(earliest(await other.take()), "2-1");
  });

  it("Y19: where Redis did not learn how the old connection ended, the page's next one here is stored", async (t) => {
    const { store, take, startNode } = await start(t);
    const other = await startNode();
    await store(leftAt("1-1"));
    assert.equal(earliest(await other.take()), "1-1");
    await take();
    await store(leftAt("2-1"));
    assert.equal(earliest(await other.take()), "2-1");
  });

  it("Y05: a client that comes back while its node has lost Redis for a moment is not taken for a new one", async (t) => {
    const { put, startNode, port } = await start(t);
    const proxy = await startTcpProxy(port);
    t.after(() => proxy.close());
    const { take } = await startNode(proxy.port);
    await put(leftAt("1-1"));
    await proxy.cut();
    const taken = take();
    await proxy.heal();
    assert.equal(earliest(await taken), "1-1");
  });

  it("Y17: what a cut page leaves while its node has lost Redis for a moment is kept, once", async (t) => {
    const { take, startNode, port } = await start(t);
    const proxy = await startTcpProxy(port);
    t.after(() => proxy.close());
    const { store, put } = await startNode(proxy.port);
    await store(leftAt("1-1"));
    await proxy.cut();
    const kept = put(leftAt("1-2"));
    await proxy.heal();
    assert.equal(await kept, true);
    assert.equal(earliest(await take()), "1-2");
    assert.equal(await take(), null);
  });

  it("Y23: grants no longer count if nobody can say whether their user was terminated", async (t) => {
    const { put, take, broker } = await start(t);
    const credentials = { cookies: ["session"], proofs: "" };
    const grant = { browser: "digest", credentials };
    const event = { appId: "app", channel: "news", event: "e", dataJson: "1" };
    await broker.publish([event]);
    await put(leftAt("1-1", { users: new Set(["ada"]), grant }));
    assert.equal((await take())?.grant, null);
    await put(leftAt("1-1", { grant }));
    assert.deepEqual((await take())?.grant, grant);
  });
});
