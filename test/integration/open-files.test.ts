/** Open files run out, with a real `ulimit -n`: one line says so, and the admin port goes on. */

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { app } from "../kit/start.ts";

const root = join(import.meta.dirname, "../..");
const limit = 96;

describe("open files", () => {
  it("used up: new connections are ended, the admin port answers, one line says what mends it, and it recovers", async (test) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const start = `ulimit -n ${limit}; exec "${process.execPath}" sidecar/main.ts`;
    const child = startChild("sh", ["-c", start], {
      cwd: root,
      env: {
        POGO_APP_ID: app.id,
        POGO_APP_KEY: app.key,
        POGO_APP_SECRET: app.secret,
        POGO_HOST: "127.0.0.1",
        POGO_UPSTREAM: "none",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(adminPort),
        POGO_ACCESS_LOG: "off",
      },
    });
    test.after(() => child.stop());
    const isLive = async () => (await fetch(`http://127.0.0.1:${adminPort}/livez`)).status === 200;
    await waitUntilUp(child, isLive);

    const clients = Array.from({ length: limit + 50 }, () => connect(port, "127.0.0.1"));
    test.after(() => clients.forEach((client) => client.destroy()));
    let closed = 0;
    for (const client of clients) {
      client.on("error", () => {});
      client.once("close", () => (closed += 1));
      client.resume();
    }
    // As many as there are too many: the limit, less what is kept.
    await until("some were ended", () => closed > 50);
    assert.ok(await isLive());
    assert.equal((await fetch(`http://127.0.0.1:${adminPort}/metrics`)).status, 200);

    const lines = child.lines
      .filter((line) => line.startsWith("{"))
      .map((line): Record<string, unknown> => Object(JSON.parse(line)));
    const said = lines.filter(({ msg }) => String(msg).startsWith("open files are used up"));
    assert.equal(said.length, 1);
    assert.equal(said[0]?.["limit"], limit);
    assert.match(String(said[0]?.["hint"]), /ulimit -n/);

    clients.forEach((client: Socket) => client.destroy());
    await until("there is room again", async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/up`).catch(() => null);
      return answer?.status === 200;
    });
  });
});
