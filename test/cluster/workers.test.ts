/** What several workers are besides nodes: one process to those who start, ask and stop it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { listen } from "../../sidecar/testing/raw-http.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { repository, runSidecar } from "../kit/process.ts";
import { app } from "../kit/sign.ts";
import { checkPortIsFree } from "../../sidecar/workers/port-sharing.ts";
import { connectClient } from "./support/client.ts";
import { createScope, redisAt, untilDelivered, type Env } from "./support/cluster.ts";
import { workerHasEnded } from "./support/workers.ts";

const credentials = {
  POGO_APP_ID: app.id,
  POGO_APP_KEY: app.key,
  POGO_APP_SECRET: app.secret,
};

describe("the workers of one sidecar", { skip: needsRedis() }, () => {
  const scope = createScope();
  let env: Env;

  beforeEach(async () => {
    env = redisAt((await scope.redis()).port);
  });
  afterEach(() => scope.end());

  test("one that is killed is started again: the other's clients stay, members leave once, counters go on", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const [a, b] = nodes;
    const [ada, bea] = [await scope.client(a), await scope.client(b)];
    await ada.join("presence-room", "ada");
    await bea.join("presence-room", "bea");
    const opened = `pogo_websocket_connections_opened_total{app_id="${app.id}"}`;
    const before = await supervisor.metric(opened);
    assert.ok(before >= 2);

    await a.kill();
    await until("the worker's end", () => supervisor.logged(workerHasEnded) === 1);
    for (const page of ["/livez", "/readyz"] as const) {
      assert.equal(await supervisor.status(page), 200);
    }
    await until("its successor", async () => (await supervisor.metric("pogo_workers")) === 2);
    assert.equal(await supervisor.metric('pogo_worker_exits_total{reason="killed"}'), 1);
    assert.ok((await supervisor.metric(opened)) >= before);

    await bea.until("ada to leave", () => bea.changes("presence-room").includes("-ada"));
    const amy = await scope.client(a);
    await amy.join("presence-room", "amy");
    await untilDelivered(supervisor, "presence-room", [amy, bea]);
    assert.deepEqual(bea.changes("presence-room"), ["-ada", "+amy"]);
    assert.equal(bea.isOpen, true);
  });

  test("one that is asked to stop by itself is replaced, without an alarm", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    process.kill(nodes[0].pid, "SIGTERM");
    const stopped = 'pogo_worker_exits_total{reason="stopped"}';
    await until("its end", async () => (await supervisor.metric(stopped)) === 1);
    await until("its successor", async () => (await supervisor.metric("pogo_workers")) === 2);
    const levels = supervisor.lines
      .filter((line) => line.includes(workerHasEnded))
      .map((line) => (JSON.parse(line) as { level: string }).level);
    assert.deepEqual(levels, ["info"]);
  });

  test("one that sleeps is no answer: the node is not alive, and ready, and its counters stay", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const clients = await Promise.all(nodes.map((node) => scope.client(node)));
    const opened = `pogo_websocket_connections_opened_total{app_id="${app.id}"}`;
    const before = await supervisor.metric(opened);
    process.kill(nodes[0].pid, "SIGSTOP");
    try {
      const alive = await fetch(`${supervisor.adminUrl}/livez`);
      assert.deepEqual([alive.status, await alive.text()], [503, "no answer from worker 1\n"]);
      assert.equal(await supervisor.status("/readyz"), 200);
      assert.equal(await supervisor.metric(opened), before);
    } finally {
      process.kill(nodes[0].pid, "SIGCONT");
    }
    await until("it to answer", async () => (await supervisor.status("/livez")) === 200);
    for (const client of clients) await client.roundTrip();
  });

  test("kill -9 of the supervisor ends its workers in order: clients come back to a successor, and the port is free", async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const command = `"${process.execPath}" sidecar/main.ts & echo "supervisor $!"; wait; sleep 60`;
    const shell = startChild("sh", ["-c", command], {
      cwd: repository,
      env: {
        ...env,
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_HOST: "127.0.0.1",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(adminPort),
        POGO_WORKERS: "2",
      },
    });
    scope.after(() => shell.stop(0));
    const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
    await waitUntilUp(shell, isReady, 30_000);
    const clients = await Promise.all([connectClient(port), connectClient(port)]);
    const line = shell.lines.find((line) => line.startsWith("supervisor "));
    process.kill(Number(line?.split(" ")[1]), "SIGKILL");
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [4100, 4100]);
    const stopped = () => shell.lines.filter((line) => line.includes('"msg":"stopped"')).length;
    await until("both workers to stop", () => stopped() === 2);
    for (const each of [port, adminPort]) {
      await until("a free port", async () => {
        await checkPortIsFree({ kind: "tcp", host: "127.0.0.1", port: each, reusePort: false });
        return true;
      });
    }
  });

  test("SIGTERM while a worker neither listens nor ends stops all, that one by force", async () => {
    const stuck = join(repository, "test/cluster/fixtures/never-starts.ts");
    const child = runSidecar([], {
      ...env,
      ...credentials,
      POGO_UPSTREAM: "none",
      POGO_HOST: "127.0.0.1",
      POGO_PORT: String(await freePort()),
      POGO_ADMIN_PORT: String(await freePort()),
      POGO_WORKERS: "2",
      NODE_OPTIONS: `--import=${stuck}`,
    });
    scope.after(() => child.stop(0));
    const says = (text: string) => child.lines.some((line) => line.includes(text));
    await until("the other one to listen", () => says('"msg":"listening"'));
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
    assert.ok(says('"worker":2,"timeout_ms":5000'), child.lines.join("\n"));
    assert.ok(says("a worker did not stop in time, and is killed"));
  });

  test("SIGTERM stops all: clients of each are closed with 4100, for no other node is there", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const clients = await Promise.all(nodes.map((node) => scope.client(node)));
    const exit = await supervisor.stop();
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [4100, 4100]);
    assert.equal(supervisor.logged(workerHasEnded), 0);
    // Each worker's, and the last line of all.
    assert.equal(supervisor.logged("stopped"), 3);
  });

  test("beside another node they close with 4200: clients come to that one", async () => {
    const { supervisor, nodes } = await scope.workers(env);
    const other = await scope.node(env);
    await until("three nodes", async () => (await other.metric("pogo_cluster_nodes")) === 3);
    const client = await scope.client(nodes[1]);
    await until("all to know", async () => (await supervisor.metric("pogo_cluster_nodes")) === 3);
    await supervisor.stop();
    assert.equal(await client.closed, 4200);
  });

  test("/hold and /release come to all workers; /pogo/health is their sum", async () => {
    const upstream = createServer((_req, res) => void res.end("page"));
    const address = `http://127.0.0.1:${await listen(scope, upstream)}`;
    const { supervisor, nodes } = await scope.workers({ ...env, POGO_UPSTREAM: address });
    const { adminUrl, port } = supervisor;
    const ask = async (action: string) =>
      (await fetch(adminUrl + action, { method: "POST" })).text();
    for (const node of nodes) await scope.client(node);
    const { connections, workers } = await supervisor.health();
    assert.equal(connections, 2);
    assert.deepEqual(
      (workers as { connections: number }[]).map((worker) => worker.connections),
      [1, 1],
    );

    assert.match(
      await ask("/hold?for=60s"),
      /^each of 2 workers: new requests wait for 60s; 0 requests under way/,
    );
    let answered = 0;
    // So many connections that both workers have some.
    const requests = Array.from({ length: 32 }, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: { Connection: "close" },
      });
      answered += 1;
      return response.text();
    });
    const waiting = () => supervisor.metric("pogo_proxy_requests_waiting_for_app");
    await until("all to wait", async () => (await waiting()) === 32);
    assert.equal(answered, 0);
    assert.equal(await supervisor.metric("pogo_proxy_requests_paused"), 1);
    const released = await ask("/release");
    // As the kernel has dealt them out: 16 each, or so many and so many.
    const counts = released.matchAll(/(\d+) requests? waited, and go(?:es)? on/g);
    const sum = [...counts].reduce((total, [, count]) => total + Number(count), 0);
    assert.equal(released.startsWith("each of 2 workers: ") ? 2 * sum : sum, 32);
    assert.deepEqual(new Set(await Promise.all(requests)), new Set(["page"]));
  });

  test("on a socket that systemd passes they accept together, whatever POGO_PORT says", async () => {
    const port = await freePort();
    const adminUrl = `http://127.0.0.1:${await freePort()}`;
    const script = join(repository, "test/e2e/support/socket-unit.pl");
    const unit = startChild("perl", [script, `${port}`, process.execPath, "sidecar/main.ts"], {
      cwd: repository,
      env: {
        ...env,
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_ADMIN_PORT: new URL(adminUrl).port,
        POGO_WORKERS: "2",
      },
    });
    scope.after(() => unit.stop());
    const isReady = async () => (await fetch(`${adminUrl}/readyz`)).ok;
    await waitUntilUp(unit, isReady, 30_000);
    const addresses = unit.lines
      .filter((line) => line.includes('"msg":"listening"'))
      .map((line) => (JSON.parse(line) as { address: string }).address);
    assert.deepEqual(addresses, Array(2).fill(`port ${port} of the service manager`));
    const pages = Array.from(
      { length: 20 },
      async () => (await fetch(`http://127.0.0.1:${port}/up`)).ok,
    );
    assert.deepEqual(new Set(await Promise.all(pages)), new Set([true]));
  });

  test("a port that somebody listens on is refused, although it could be shared", async () => {
    const { supervisor } = await scope.workers(env);
    const second = runSidecar([], {
      ...env,
      ...credentials,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: String(supervisor.port),
      POGO_ADMIN_PORT: String(await freePort()),
      POGO_WORKERS: "2",
    });
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.match(second.lines.at(-1) ?? "", /port \d+ is in use: stop what listens there/);
  });

  test("an address that can't be had ends the start, and each says why", async () => {
    const failed = runSidecar([], {
      ...env,
      ...credentials,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: String(await freePort()),
      POGO_ADMIN_PORT: String(await freePort()),
      POGO_API_SOCKET: "/nowhere/api.sock",
      POGO_WORKERS: "2",
    });
    assert.deepEqual(await failed.exited, { code: 1, signal: null });
    const hints = failed.lines
      .filter((line) => line.includes('"could not start"'))
      .map((line) => (JSON.parse(line) as { hint: string }).hint);
    assert.match(
      hints[0] ?? "",
      /folder of \/nowhere\/api\.sock exist.* choose another path with POGO_API_SOCKET/,
    );
    assert.equal(hints[1], "its own line says why");
  });
});
