/** A part of the load: connections that send one request after the other, each as soon as it has its answer. A worker. */

import { connect, type Socket } from "node:net";
import { runWorker } from "../worker.ts";

export interface RequesterInput {
  readonly port: number;
  readonly method: "GET" | "POST";
  readonly connections: number;
}

export interface RequesterResult {
  /** Answers that were none, or others than 200 with the app's page. */
  readonly lost: number;
  /** In ms, one for each request. */
  readonly latencies: readonly number[];
  /** Of one core. */
  readonly cpu: number;
}

const fields = [
  "Host: app.test",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language: en-US,en;q=0.5",
  "Accept-Encoding: gzip, deflate, br",
  "Cookie: laravel_session=eyJpdiI6InRlc3QiLCJ2YWx1ZSI6InRlc3QifQ; XSRF-TOKEN=abcdefghijklmnop",
];
const posted = "y".repeat(1_024);
/** As app.ts answers. */
const pageBytes = 1_024;
const bytes = {
  GET: ["GET /dashboard?page=1 HTTP/1.1", ...fields, "", ""],
  POST: [
    "POST /form HTTP/1.1",
    ...fields,
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${posted.length}`,
    "",
    posted,
  ],
} as const;

await runWorker<RequesterResult>(async (input) => {
  const { port, method, connections }: RequesterInput = JSON.parse(input);
  const request = Buffer.from(bytes[method].join("\r\n"));
  let latencies: number[] = [];
  let lost = 0;
  let isOver = false;
  let cpuBefore = process.cpuUsage();
  let beganMs = 0;

  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  for (const socket of sockets) run(socket);
  return {
    begin() {
      lost = 0;
      latencies = [];
      cpuBefore = process.cpuUsage();
      beganMs = performance.now();
    },
    end() {
      isOver = true;
      const { user, system } = process.cpuUsage(cpuBefore);
      const seconds = (performance.now() - beganMs) / 1_000;
      for (const socket of sockets) socket.destroy();
      return Promise.resolve({
        lost,
        latencies,
        cpu: (user + system) / 1_000_000 / seconds,
      });
    },
  };

  function run(socket: Socket): void {
    let sentMs = 0;
    let left = 0;
    const send = (): void => {
      sentMs = performance.now();
      left = 0;
      socket.write(request);
    };
    socket.on("data", (chunk: Buffer) => {
      if (left === 0) left = lengthOf(chunk);
      left -= chunk.length;
      if (left > 0) return;
      if (isOver) return;
      if (left < 0) lost += 1;
      else latencies.push(performance.now() - sentMs);
      send();
    });
    socket.on("close", () => (lost += isOver ? 0 : 1));
    send();
  }
});

/** Of the whole answer whose head begins `chunk`; less than came if it is none, or not the app's. */
function lengthOf(chunk: Buffer): number {
  const headEnd = chunk.indexOf("\r\n\r\n");
  const head = chunk.toString("latin1", 0, headEnd);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return head.startsWith("HTTP/1.1 200 ") && Number(length) === pageBytes
    ? headEnd + 4 + pageBytes
    : chunk.length - 1;
}

async function open(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.once("connect", () => resolve(socket));
  socket.once("error", reject);
  return promise;
}
