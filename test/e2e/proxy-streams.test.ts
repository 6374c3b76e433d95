/** Large bodies through a sidecar in a process of its own: a gigabyte each way, in flat memory. */

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { test, type TestContext } from "node:test";
import { listen } from "../../sidecar/testing/raw-http.ts";
import { residentBytes, watchMemory } from "../bench/support/memory.ts";
import { median } from "../bench/support/table.ts";
import { startSidecar } from "../kit/process.ts";

const gigabyte = 1_000_000_000;
const block = Buffer.alloc(1_000_000, "x");
const mebibyte = 1_048_576;

/** A sidecar in front of an app that sends as much as it is asked for, and says how much it was sent. */
async function startBehind(t: TestContext) {
  const app = createServer((req, res) => {
    let received = 0;
    req.on("data", (chunk: Buffer) => (received += chunk.length));
    req.on("end", () => {
      const size = Number(req.url?.slice(1));
      if (size === 0) return void res.end(String(received));
      res.writeHead(200, { "Content-Length": size });
      let sent = 0;
      const pump = (): void => {
        while (sent < size) {
          sent += block.length;
          if (!res.write(block)) return void res.once("drain", pump);
        }
        res.end();
      };
      pump();
    });
  });
  const appPort = await listen(t, app);
  const sidecar = await startSidecar({
    env: {
      POGO_APP_ID: "1",
      POGO_APP_KEY: "key",
      POGO_APP_SECRET: "secret",
      POGO_UPSTREAM: `http://127.0.0.1:${appPort}`,
    },
  });
  t.after(async () => void (await sidecar.stop()));
  return sidecar;
}

/** @param size bytes of the request's body. */
function exchange(port: number, path: string, size = 0): Promise<{ text: string; bytes: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; bytes: number }>();
  const method = size === 0 ? "GET" : "POST";
  const headers = { "Content-Length": size };
  const sent = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
    let bytes = 0;
    let text = "";
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (text.length < 20) text += chunk.toString("latin1", 0, 20);
    });
    answer.on("end", () => resolve({ text, bytes }));
    answer.on("error", reject);
  });
  sent.on("error", reject);
  let written = 0;
  const pump = (): void => {
    while (written < size) {
      written += block.length;
      if (!sent.write(block)) return void sent.once("drain", pump);
    }
    sent.end();
  };
  pump();
  return promise;
}

test("proxy P20, S10: a gigabyte each way takes less than 64 MiB more than none", async (t) => {
  // V8 lets buffers that nobody has any more come to 64 MB before it collects them, and now and then a bit more: so the
  // median of three processes.
  const grown: number[] = [];
  for (let run = 0; run < 3; run += 1) grown.push(await growthOf(t));
  assert.ok(median(grown) < 64 * mebibyte, `${grown.map((bytes) => bytes / mebibyte).join()} MiB`);
});

/** How much more memory a process has at its most while a gigabyte passes each way. */
async function growthOf(t: TestContext): Promise<number> {
  const sidecar = await startBehind(t);
  // What the first bodies have loaded and compiled is there already.
  await exchange(sidecar.port, "/0", 50_000_000);
  await exchange(sidecar.port, "/50000000");
  const before = residentBytes(sidecar.pid);
  const memory = watchMemory(sidecar.pid);
  const upload = await exchange(sidecar.port, "/0", gigabyte);
  assert.equal(upload.text, String(gigabyte));
  const download = await exchange(sidecar.port, `/${gigabyte}`);
  assert.equal(download.bytes, gigabyte);
  const grown = memory.stop() - before;
  t.diagnostic(
    `${Math.round(before / mebibyte)} MiB, at most ${Math.round(grown / mebibyte)} more`,
  );
  return grown;
}
