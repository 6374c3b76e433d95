/** For those who run it: workers, the admin port, the log. */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type admin,
  type console,
  log,
  type metrics,
} from "../../../sidecar/config/table/operation.ts";
import type { workers } from "../../../sidecar/config/table/workers.ts";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { freePort, onFreePort } from "../../../sidecar/testing/ports.ts";
import { connectRaw } from "../../../sidecar/testing/raw-http.ts";
import { repository } from "../../kit/process.ts";
import { app } from "../../kit/start.ts";
import type { Rows } from "./stage.ts";

export const operationRows: Omit<
  Rows<typeof workers | typeof admin | typeof console | typeof metrics | typeof log>,
  "POGO_ADMIN_URL"
> = {
  async POGO_WORKERS({ start }) {
    // Several need Redis (test/cluster/workers.test.ts); of what they share, this one has its part.
    const redis = { POGO_REDIS_HOST: "127.0.0.1:1", POGO_REDIS_TIMEOUT: "1ms" };
    const port = String(await freePort());
    const sidecar = await start("4", { ...redis, POGO_PORT: port, POGO_MAX_CONNECTIONS: "10" });
    assert.deepEqual(await sidecar.series("pogo_websocket_connections_max"), { "": 3 });
  },
  async POGO_ADMIN_HOST({ start }) {
    const { adminUrl } = await start("127.0.0.2");
    const { port } = new URL(adminUrl);
    assert.equal((await fetch(`http://127.0.0.2:${port}/livez`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
  },
  async POGO_ADMIN_PORT({ start }) {
    const port = await onFreePort(async (free) => {
      await start(String(free));
      return free;
    });
    assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  },
  async POGO_ADMIN_ALLOWED_HOSTS({ test, start }) {
    const { adminUrl } = await start("metrics.internal");
    const statuses: string[] = [];
    for (const host of ["metrics.internal", "evil.test"]) {
      const client = await connectRaw(test, Number(new URL(adminUrl).port));
      client.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      statuses.push((await client.untilEnd()).slice(9, 12));
    }
    assert.deepEqual(statuses, ["200", "421"]);
  },
  async POGO_ADMIN_TOKEN({ start }) {
    const { adminUrl } = await start("0123456789abcdef");
    const body = new URLSearchParams({ token: "0123456789abcdef" });
    const url = `${adminUrl}/console/login`;
    const answer = await fetch(url, { method: "POST", body, redirect: "manual" });
    assert.match(answer.headers.get("set-cookie") ?? "", /^pogo_console_/);
    assert.equal((await fetch(`${adminUrl}/console/connections`)).status, 401);
  },
  async POGO_CONSOLE_PAYLOADS({ test, start }) {
    const { adminUrl } = await start("true");
    const ended = new AbortController();
    test.after(() => ended.abort());
    const { signal } = ended;
    const { status } = await fetch(`${adminUrl}/console/stream?contents`, { signal });
    assert.equal(status, 200);
  },
  async POGO_HOT_PATH_METRICS({ start, connect }) {
    const sidecar = await start("true");
    await connect(sidecar);
    const name = "pogo_websocket_client_queue_depth_count";
    await sidecar.seriesBecome(name, { "": 1 });
  },
  /** The process makes its log itself, as for the level. */
  async POGO_LOG_FORMAT({ test }) {
    const child = startChild(process.execPath, [join(repository, "sidecar/main.ts")], {
      cwd: repository,
      env: {
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_PORT: "0",
        POGO_ADMIN_PORT: "0",
        [log.format.env]: "text",
      },
    });
    test.after(() => child.stop());
    const isText = (line: string) => /^\d\d:\d\d:\d\d INFO {2}listening +address=/.test(line);
    await waitUntilUp(child, async () => child.lines.some(isText));
  },
  async POGO_ACCESS_LOG({ start }) {
    const sidecar = await start("all");
    const { status } = await sidecar.call("channels");
    assert.equal(status, 200);
    await waitFor(() => sidecar.lines.some(({ msg }) => msg === "request"));
    const { method, path, level } = sidecar.lines.find(({ msg }) => msg === "request") ?? {};
    assert.deepEqual(
      { method, path, level },
      { method: "GET", path: "/apps/app-id/channels", level: 30 },
    );
  },
  async POGO_LOG_LEVEL({ test }) {
    const [port, adminPort] = [await freePort(), await freePort()];
    const child = startChild(process.execPath, [join(repository, "sidecar/main.ts")], {
      cwd: repository,
      env: {
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(adminPort),
        [log.level.env]: "warn",
      },
    });
    test.after(() => child.stop());
    await waitUntilUp(
      child,
      async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status === 200,
    );
    await child.stop();
    assert.deepEqual(child.lines, []);
  },
};

const credentials = {
  POGO_APP_ID: app.id,
  POGO_APP_KEY: app.key,
  POGO_APP_SECRET: app.secret,
};
