import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { startChild } from "../testing/child.ts";
import { until, within } from "../testing/eventually.ts";
import { listen, toListenAddress } from "./listener.ts";

const configured = {
  host: { kind: "tcp", host: "127.0.0.1" },
  port: 0,
  reusePort: false,
  socketMode: 0o660,
  socketOwner: null,
} as const;

describe("where a server listens", () => {
  it("a port that the system picks", async (t) => {
    const port = await listen(server(t), toListenAddress(configured, null));
    await reach({ port });
  });

  it("a port in use is Node's EADDRINUSE, and two that share one are not", async (t) => {
    const port = await listen(server(t), toListenAddress(configured, null));
    await assert.rejects(listen(server(t), toListenAddress({ ...configured, port }, null)), {
      code: "EADDRINUSE",
    });
    const shared = { ...configured, reusePort: true };
    const sharedPort = await listen(server(t), toListenAddress(shared, null));
    const again = toListenAddress({ ...shared, port: sharedPort }, null);
    assert.equal(await listen(server(t), again), sharedPort);
  });

  it("a Unix socket, with its permissions; its port is 0", async (t) => {
    const path = await socketPath(t);
    assert.equal(await listen(server(t), unix(path)), 0);
    assert.equal(statSync(path).mode & 0o777, 0o660);
    await reach({ path });
  });

  it("replaces the socket that a killed process has left", async (t) => {
    const path = await socketPath(t);
    const script = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
    await startChild(process.execPath, ["-e", script, path], { cwd: tmpdir(), env: {} }).exited;
    assert.ok(statSync(path).isSocket());
    await listen(server(t), unix(path));
    await reach({ path });
  });

  it("leaves a socket alone on which somebody listens", async (t) => {
    const path = await socketPath(t);
    await listen(server(t), unix(path));
    await assert.rejects(listen(server(t), unix(path)), { code: "EADDRINUSE" });
    await reach({ path });
  });

  it("leaves a file alone that is no socket", async (t) => {
    const path = await socketPath(t);
    writeFileSync(path, "somebody's");
    await assert.rejects(listen(server(t), unix(path)));
    assert.ok(statSync(path).isFile());
  });

  const crowd = 1_500;
  const limit = "/proc/sys/net/core/somaxconn";
  const hasRoom = existsSync(limit) && Number(readFileSync(limit, "utf8")) > crowd;
  it("a crowd that comes at once waits to be accepted", { skip: !hasRoom }, async (t) => {
    const module = JSON.stringify(new URL("./listener.ts", import.meta.url).href);
    const script = `
      import { createServer } from "node:net";
      import { listen } from ${module};
      const address = { kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false };
      console.log(await listen(createServer(), address));`;
    const busy = startChild(process.execPath, ["--input-type=module", "-e", script], {
      cwd: tmpdir(),
      env: {},
    });
    const port = Number(await until("it to listen", () => Promise.resolve(busy.lines.at(-1))));
    // So busy that it accepts nobody meanwhile.
    busy.signal("SIGSTOP");
    t.after(() => busy.signal("SIGKILL"));
    const clients = Array.from({ length: crowd }, () => connect({ host: "127.0.0.1", port }));
    t.after(() => clients.forEach((client) => client.destroy()));
    await within("all to connect", Promise.all(clients.map((each) => once(each, "connect"))));
  });

  it("an inherited descriptor comes before what is configured", () => {
    assert.deepEqual(toListenAddress(configured, 3), { kind: "inherited", descriptor: 3 });
  });
});

function unix(path: string) {
  return toListenAddress({ ...configured, host: { kind: "unix", path } }, null);
}

function server(t: TestContext): Server {
  const made = createServer((socket) => void socket.end());
  t.after(() => void made.close());
  return made;
}

async function socketPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pogo-listener-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "pogo.sock");
}

async function reach(address: { port: number } | { path: string }): Promise<void> {
  const socket = connect({ host: "127.0.0.1", ...address });
  await once(socket, "connect");
  socket.destroy();
}
