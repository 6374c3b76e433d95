/** What the image starts, as far as it can be started without Docker: ended by `docker stop` within its ten seconds. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectClient } from "../kit/client.ts";
import { repository } from "../kit/process.ts";
import { imageCommand } from "./dockerfile-rules.ts";
import { parseDockerfile } from "./documents.ts";

const dockerfile = readFileSync(join(repository, "Dockerfile"), "utf8");
const image = imageCommand(parseDockerfile(dockerfile));

/** Docker's default between SIGTERM and SIGKILL. */
const stopMs = 10_000;

/** In a process namespace of its own, as in a container, where this machine allows that. */
const namespace = ["unshare", "--pid", "--fork", "--kill-child", "--"];
const isAllowed = spawnSync(namespace[0] ?? "", [...namespace.slice(1), "true"]).status === 0;

test("D16: as process 1 it ends in order before docker stop kills it, while a request of the app does not end", async (t) => {
  const app = createServer(() => undefined).listen(0, "127.0.0.1");
  t.after(() => app.closeAllConnections());
  t.after(() => app.close());
  await once(app, "listening");
  const { port: upstream } = app.address() as AddressInfo;
  const [port, admin] = [await freePort(), await freePort()];
  const [command = "", ...args] = [
    ...(isAllowed ? namespace : []),
    process.execPath,
    "sidecar/main.ts",
    ...image.command,
  ];
  const child = startChild(command, args, {
    cwd: repository,
    env: {
      PATH: process.env["PATH"] ?? "",
      ...image.environment,
      REVERB_APP_ID: "1",
      REVERB_APP_KEY: "key",
      REVERB_APP_SECRET: "secret",
      POGO_HOST: "127.0.0.1",
      POGO_UPSTREAM: `http://127.0.0.1:${upstream}`,
      POGO_PORT: String(port),
      POGO_ADMIN_PORT: String(admin),
    },
  });
  t.after(() => child.stop());
  await waitUntilUp(child, async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
  const client = await connectClient(t, `ws://127.0.0.1:${port}/app/key`);
  const page = connect(port, "127.0.0.1");
  t.after(() => page.destroy());
  page.on("error", () => undefined);
  page.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(app, "request");

  const pid = isAllowed ? childOf(child.pid) : child.pid;
  process.kill(pid, "SIGTERM");
  const kill = setTimeout(() => process.kill(pid, "SIGKILL"), stopMs);
  const exit = await child.exited;
  clearTimeout(kill);
  assert.deepEqual(exit, { code: 0, signal: null }, child.lines.join("\n"));
  assert.equal((await client.close).code, 4100);
});

/** The process that this one has started, by the number that it has outside its namespace. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
}
