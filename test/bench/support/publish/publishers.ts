/** Publishers that cost the load next to nothing: one signed request, its bytes made once, sent again for each answer. */

import { connect, type Socket } from "node:net";
import { createSigner } from "../../../kit/sign.ts";

export interface Published {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answered otherwise than 200, or not at all. */
  readonly lost: number;
}

export interface PublishersOptions {
  readonly port: number;
  readonly app: { readonly id: string; readonly key: string; readonly secret: string };
  /** Connections, each with one request under way. */
  readonly connections: number;
  readonly dataBytes: number;
}

export function createPublishers(options: PublishersOptions) {
  const { port, connections } = options;
  const request = signedPublish(options);
  const sockets: Socket[] = [];
  let latencies: number[] = [];
  let lost = 0;
  let isOpen = false;

  async function open(): Promise<void> {
    isOpen = true;
    stayAwake();
    for (let index = 0; index < connections; index += 1) {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      sockets.push(socket);
      await new Promise((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      publishForever(socket);
    }
  }

  /** To wake a process on another core costs the server some 15 µs an answer, and only one that is slower than the load would pay it. */
  function stayAwake(): void {
    if (isOpen) setImmediate(stayAwake);
  }

  function publishForever(socket: Socket): void {
    let sentMs = performance.now();
    let answer = "";
    socket.on("data", (piece: Buffer) => {
      answer += piece.toString("latin1");
      // Every answer ends so: it is the body.
      if (!answer.endsWith("{}")) return;
      if (answer.startsWith("HTTP/1.1 200 ")) latencies.push(performance.now() - sentMs);
      else lost += 1;
      answer = "";
      sentMs = performance.now();
      socket.write(request);
    });
    socket.on("error", () => (lost += 1));
    socket.write(request);
  }

  return {
    open,
    /** What was answered within that time. */
    async measure(forMs: number): Promise<Published> {
      latencies = [];
      lost = 0;
      const startMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, forMs));
      const seconds = (performance.now() - startMs) / 1000;
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
      return { perSecond: sorted.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), lost };
    },
    close(): void {
      isOpen = false;
      for (const socket of sockets) {
        socket.removeAllListeners("error");
        socket.on("error", () => undefined);
        socket.destroy();
      }
    },
  };
}

function signedPublish({ app, port, dataBytes }: PublishersOptions): Buffer {
  const data = JSON.stringify({ text: "x".repeat(dataBytes) });
  const body = JSON.stringify({ name: "bench", channels: ["bench"], data });
  const { target } = createSigner(app)("events", { body });
  const head = [
    `POST ${target} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}
