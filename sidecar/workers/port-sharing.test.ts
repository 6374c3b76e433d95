import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { listen } from "../http/listener.ts";
import { canSharePorts, checkPortIsFree } from "./port-sharing.ts";

const anyPort = { kind: "tcp", host: "127.0.0.1", port: 0, reusePort: true } as const;

test("ports can be shared where these tests run", async () => {
  assert.equal(await canSharePorts("127.0.0.1"), true);
});

test("a port on which somebody listens is not free, shared or not", async (test) => {
  const other = createServer();
  const port = await listen(other, anyPort);
  test.after(() => other.close());
  await assert.rejects(checkPortIsFree({ ...anyPort, port }), { code: "EADDRINUSE" });
});

test("a free one is left free", async () => {
  const server = createServer();
  const port = await listen(server, anyPort);
  await new Promise((resolve) => server.close(resolve));
  await checkPortIsFree({ ...anyPort, port });
  await checkPortIsFree({ ...anyPort, port });
});
