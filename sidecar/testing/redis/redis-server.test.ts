/** The real redis-server of the tests: what it is after each way to end it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectRaw, type Cleanup } from "../raw-http.ts";
import { askRedis, connectRedis } from "./redis-client.ts";
import { needsRedis } from "./redis-needs.ts";
import { startRedis, type RedisOptions, type RedisServer } from "./redis-server.ts";
import { until, waitFor } from "../eventually.ts";

describe("startRedis", { skip: needsRedis() }, () => {
  it("starts on a free port, and ends", async (test) => {
    const redis = await started(test);
    assert.equal(redis.url, `redis://127.0.0.1:${redis.port}`);
    assert.equal(await askRedis(redis.port, "PING"), "PONG");
    await redis.stop();
    assert.equal(redis.isRunning, false);
    assert.throws(() => process.kill(redis.pid, 0), { code: "ESRCH" });
    await redis.stop();
  });

  it("starts on the port it is given, and shows the log where it cannot", async (test) => {
    const first = await started(test);
    await assert.rejects(startRedis({ port: first.port }), /Address already in use/);
    await first.stop();
    const second = await started(test, { port: first.port });
    assert.equal(second.port, first.port);
    await assert.rejects(startRedis({ args: ["--no-such-option", "1"] }), /no-such-option/);
  });

  it("takes a password and further arguments", async (test) => {
    const redis = await started(test, { password: "open: sésame", args: ["--maxclients", "7"] });
    await assert.rejects(askRedis(redis.port, "PING"), /NOAUTH/);
    const client = connectRedis(test, redis.port, { password: "open: sésame" });
    assert.deepEqual(await client.config("GET", "maxclients"), ["maxclients", "7"]);
    assert.equal(decodeURIComponent(new URL(redis.url).password), "open: sésame");
  });

  it("is empty after a restart, on the same port and as another process", async (test) => {
    const redis = await started(test);
    const { pid, port } = redis;
    await askRedis(port, "SET", "key", "value");
    await redis.restart();
    assert.equal(redis.port, port);
    assert.notEqual(redis.pid, pid);
    assert.equal(redis.isRunning, true);
    assert.equal(await askRedis(port, "GET", "key"), null);
  });

  it("keeps what was acknowledged through SIGKILL where it is persistent, unless it is to be empty", async (test) => {
    const redis = await started(test, { isPersistent: true });
    await askRedis(redis.port, "SET", "key", "value");
    await redis.kill();
    await assert.rejects(askRedis(redis.port, "PING"));
    await redis.restart();
    assert.equal(await askRedis(redis.port, "GET", "key"), "value");
    await redis.restart({ empty: true });
    assert.equal(await askRedis(redis.port, "GET", "key"), null);
  });

  it("closes connections when it is killed", async (test) => {
    const redis = await started(test);
    const client = connectRedis(test, redis.port);
    await client.ping();
    await redis.kill();
    await waitFor(() => client.status === "end");
  });

  it("answers nothing while it is paused, and all of it once it is resumed", async (test) => {
    const redis = await started(test);
    const client = connectRedis(test, redis.port);
    await client.ping();
    redis.pause();
    let answer = "";
    const asked = client.incr("counter").then((value) => (answer = String(value)));
    await sleep(60);
    assert.equal(answer, "");
    assert.equal(redis.isRunning, true);
    redis.resume();
    await asked;
    assert.equal(answer, "1");
  });

  it("stops and restarts while it is paused", async (test) => {
    const redis = await started(test);
    redis.pause();
    await redis.restart();
    assert.equal(await askRedis(redis.port, "PING"), "PONG");
    redis.pause();
    await redis.stop();
    assert.equal(redis.isRunning, false);
  });

  it("ends with the process that forgot it, and leaves nothing behind", async (test) => {
    const script = `
      import { startRedis } from "./redis-server.ts";
      import { askRedis } from "./redis-client.ts";
      const redis = await startRedis({ isPersistent: true });
      const [, dir] = await askRedis(redis.port, "CONFIG", "GET", "dir");
      if (process.argv[1] === "paused") redis.pause();
      console.log(JSON.stringify({ port: redis.port, dir }));`;
    const run = async (how: string) => {
      const node = ["--input-type=module-typescript", "--eval", script, how];
      const { stdout } = await promisify(execFile)(process.execPath, node, {
        cwd: import.meta.dirname,
        timeout: 10_000,
      });
      const { port, dir } = JSON.parse(stdout) as { port: number; dir: string };
      await until("the end of Redis", () => refuses(test, port));
      assert.equal(existsSync(dir), false);
    };
    await Promise.all([run("running"), run("paused")]);
  });
});

async function started(test: Cleanup, options: RedisOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  test.after(() => redis.stop());
  return redis;
}

async function refuses(test: Cleanup, port: number): Promise<boolean> {
  try {
    await connectRaw(test, port);
    return false;
  } catch {
    return true;
  }
}
