/** Publishes over the signed HTTP API of several nodes in turn, on connections that stay open. */

import { createHash, createHmac } from "node:crypto";
import { Agent, request } from "node:http";

export interface PublisherOptions {
  readonly ports: readonly number[];
  readonly app: { readonly id: string; readonly key: string; readonly secret: string };
}

export interface BenchEvent {
  readonly channel: string;
  readonly data: string;
}

export interface Publisher {
  /** One request, `events` for one event and `batch_events` for several. Resolves with its status; 0: no answer. */
  publish(events: readonly BenchEvent[]): Promise<number>;
  close(): void;
}

export function createPublisher({ ports, app }: PublisherOptions): Publisher {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: "fifo" });
  let turn = 0;

  function sign(path: string, body: string): string {
    const query = [
      `auth_key=${app.key}`,
      `auth_timestamp=${Math.floor(Date.now() / 1000)}`,
      "auth_version=1.0",
      `body_md5=${createHash("md5").update(body).digest("hex")}`,
    ].join("&");
    const signed = `POST\n${path}\n${query}`;
    return `${path}?${query}&auth_signature=${createHmac("sha256", app.secret).update(signed).digest("hex")}`;
  }

  return {
    publish(events) {
      const [first] = events;
      const isBatch = events.length > 1;
      const body = isBatch
        ? JSON.stringify({ batch: events.map((event) => ({ name: "bench", ...event })) })
        : JSON.stringify({ name: "bench", channels: [first?.channel], data: first?.data });
      const path = `/apps/${app.id}/${isBatch ? "batch_events" : "events"}`;
      const { promise, resolve } = Promise.withResolvers<number>();
      const sent = request(
        {
          agent,
          host: "127.0.0.1",
          port: Number(ports[turn++ % ports.length]),
          method: "POST",
          path: sign(path, body),
          headers: { "Content-Type": "application/json", "Content-Length": body.length },
        },
        (response) => {
          response.resume();
          response.once("end", () => resolve(response.statusCode ?? 0));
        },
      );
      sent.once("error", () => resolve(0));
      sent.end(body);
      return promise;
    },
    close: () => agent.destroy(),
  };
}
