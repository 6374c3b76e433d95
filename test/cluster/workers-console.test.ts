/** The console of several workers: one page, which shows each of them, and what any of them refused. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { app } from "../kit/sign.ts";
import { createScope, redisAt } from "./support/cluster.ts";

type Json = Record<string, unknown>;

const token = "0123456789abcdef";

describe("the console of several workers", { skip: needsRedis() }, () => {
  const scope = createScope();
  afterEach(() => scope.end());

  test("shows each by its number, what all refuse, and has each asked for its own", async () => {
    const { supervisor, nodes } = await scope.workers({
      ...redisAt((await scope.redis()).port),
      // Nobody is asked: the clients are not of its pages.
      POGO_UPSTREAM: "http://127.0.0.1:9",
      POGO_ADMIN_TOKEN: token,
      POGO_ADMIN_URL: "http://node.test:2019",
    });
    const { adminUrl } = supervisor;

    // Who may look is what it is without workers.
    const login = await fetch(adminUrl);
    assert.deepEqual([login.status, /Log in/.test(await login.text())], [403, true]);
    for (const path of ["connections?worker=1", "stream"]) {
      assert.equal((await fetch(`${adminUrl}/console/${path}`)).status, 401);
    }
    const right = await fetch(`${adminUrl}/console/login`, {
      method: "POST",
      body: new URLSearchParams({ token }),
      redirect: "manual",
    });
    const Cookie = right.headers.get("set-cookie")?.split(";")[0] ?? "";
    const elsewhere = { Cookie, Origin: "http://evil.test" };
    const foreign = await fetch(`${adminUrl}/console/connections`, { headers: elsewhere });
    assert.equal(foreign.status, 403);

    const read = async (path: string): Promise<Json> => {
      const answer = await fetch(`${adminUrl}/console/${path}`, { headers: { Cookie } });
      assert.equal(answer.status, 200, path);
      return (await answer.json()) as Json;
    };
    const post = async (path: string, fields: Json): Promise<Json> => {
      const answer = await fetch(`${adminUrl}/console/${path}`, {
        method: "POST",
        headers: { Cookie, "Content-Type": "application/json" },
        body: JSON.stringify(fields),
      });
      assert.equal(answer.status, 200, path);
      return (await answer.json()) as Json;
    };

    const [a, b] = [await scope.client(nodes[0]), await scope.client(nodes[1])];
    await a.subscribe("news");
    await b.subscribe("news");
    b.send("pusher:subscribe", { channel: "private-x" });
    await b.first("its refusal", ({ event }) => event === "pusher:subscription_error");

    for (const [worker, { socketId }] of [
      [1, a],
      [2, b],
    ] as const) {
      const { rows } = await read(`connections?worker=${worker}&text=news`);
      assert.deepEqual(
        (rows as Json[]).map((row) => row["socketId"]),
        [socketId],
      );
    }

    const messages: Json[] = [];
    const ended = new AbortController();
    scope.after(() => ended.abort());
    const { signal } = ended;
    const stream = await fetch(`${adminUrl}/console/stream?worker=1`, {
      headers: { Cookie },
      signal,
    });
    void (async () => {
      let rest = "";
      for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) messages.push(JSON.parse(line) as Json);
      }
    })().catch(() => undefined);
    const said = (text: string) => messages.some((line) => JSON.stringify(line).includes(text));
    await until("both", () => said('"listening":[1,2]'));
    for (const worker of [1, 2]) {
      await until("figures", () =>
        messages.some((line) => line["type"] === "figures" && line["worker"] === worker),
      );
    }
    await until("the refusal", () => said('"channel":"private-x"'));
    const refusals = messages.find(({ type, worker }) => type === "refusals" && worker === 2);
    const entries = refusals?.["entries"] as Json[];
    assert.deepEqual(
      entries.map(({ channel, reason }) => [channel, reason]),
      [["private-x", "origin"]],
    );

    // The worker that has the connection can ask for it, and no other.
    const question = { socketId: b.socketId, channel: "private-x" };
    assert.match(String((await post("replay?worker=2", question))["text"]), /was not asked/);
    assert.match(String((await post("replay?worker=1", question))["text"]), /has ended/);
    const data = { appId: app.id, channel: "news", event: "hello", data: "{}" };
    await post("publish?worker=1", data);
    for (const client of [a, b]) {
      await client.first("the test event", ({ event }) => event === "hello");
    }
    await until("its passing", () => said('"event":"hello"'));
    await post("disconnect?worker=1", { socketId: a.socketId });
    assert.equal(await a.closed, 4009);

    const { nodes: listed } = await read("nodes?worker=1");
    assert.deepEqual(
      (listed as Json[])
        .map(({ adminUrl: url }) => String(url))
        .toSorted((x, y) => (x < y ? -1 : 1)),
      [1, 2].map((worker) => `http://node.test:2019/?worker=${worker}`),
    );

    await nodes[1].kill();
    await until("its end", () => said('"listening":[1]'));
    const before = messages.length;
    const successor = () =>
      messages.slice(before).some(({ type, worker }) => type === "figures" && worker === 2);
    await until("its successor", successor);
  });
});
