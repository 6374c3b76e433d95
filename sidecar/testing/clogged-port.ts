/** For tests: a port to which no connection is ever made. */

import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import type { Cleanup } from "./raw-http.ts";

/** A port whose server has stopped accepting, with its queue full: the next connection is never made. */
export async function startClogged(test: Cleanup): Promise<number> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const server = require("node:net").createServer();
     server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  test.after(() => void worker.terminate());
  const port = Number((await once(worker, "message"))[0]);
  for (let full = false; !full;) {
    const socket = connect(port, "127.0.0.1");
    test.after(() => void socket.destroy());
    full = await Promise.race([
      once(socket, "connect").then(() => false),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 300)),
    ]);
  }
  return port;
}
