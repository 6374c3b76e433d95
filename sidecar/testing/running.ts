/** For tests: a whole sidecar in this process, an app behind it, and clients on it. */

import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { WebSocket, type ClientOptions } from "ws";
import { loadConfig } from "../config.ts";
import { sign } from "../core/signature.ts";
import { createSidecar } from "../sidecar.ts";
import { listen, waitFor, type Cleanup } from "./raw-http.ts";

export const app = { id: "app-id", key: "app-key", secret: "app-secret" };

/** What a subrequest's body asks; about a user it names no channel. */
export function parseQuestion(body: string) {
  const fields = new URLSearchParams(body);
  return {
    socket_id: fields.get("socket_id") ?? "",
    channel_name: fields.get("channel_name") ?? "",
  };
}

export type RunningSidecar = Awaited<ReturnType<typeof startSidecar>>;
export type Client = Awaited<ReturnType<typeof connectClient>>;

/** @param env besides the app's credentials and free ports on 127.0.0.1. @param now its clock, in place of the real one. */
export async function startSidecar(
  test: Cleanup,
  env: Readonly<Record<string, string>>,
  now?: () => number,
) {
  const loaded = loadConfig({
    argv: [],
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: "0",
      POGO_ADMIN_PORT: "0",
      POGO_UPSTREAM: "none",
      // With a clock that stands still the window would never pass.
      POGO_DRAIN_WINDOW: "0",
      ...env,
    },
    readFile: () => assert.fail("no file was named"),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const sidecar = createSidecar(loaded.config, { version: "0.0.0-test", log, ...(now && { now }) });
  const { port, adminPort } = await sidecar.start();
  test.after(() => sidecar.stop());
  const adminUrl = `http://127.0.0.1:${adminPort}`;

  /** Every series of a metric, by its labels as they stand there; one without labels is under "". */
  async function series(name: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const found = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.+)$`, "gm"));
    return Object.fromEntries([...found].map(([, labels = "", value]) => [labels, Number(value)]));
  }

  /** What has ended may be counted after its client has seen the end: waits until a metric's series are these. */
  async function seriesBecome(name: string, wanted: Record<string, number>): Promise<void> {
    let found = await series(name);
    for (let tries = 0; tries < 400 && !isDeepStrictEqual(found, wanted); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      found = await series(name);
    }
    assert.deepEqual(found, wanted);
  }

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    adminUrl,
    lines,
    series,
    seriesBecome,
    stop: sidecar.stop,
  };
}

/** An HTTP server for `POGO_UPSTREAM`; resolves with its address. */
export async function startApp(test: Cleanup, answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(test, createServer(answer))}`;
}

/** What the app would answer to a subscribe that it allows. */
export function signedAnswer(socketId: string, channel: string): { auth: string } {
  return { auth: `${app.key}:${sign(app.secret, `${socketId}:${channel}`)}` };
}

/** A client of the app's own page, unless its headers say otherwise; resolves when it is established. */
export async function connectClient(
  test: Cleanup,
  port: number,
  headers: Readonly<Record<string, string>> = {},
  options: ClientOptions & { path?: string } = {},
) {
  const origin = `http://127.0.0.1:${port}`;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? `/app/${app.key}`}`, {
    ...options,
    headers: { Origin: origin, ...headers },
  });
  test.after(() => socket.terminate());
  const messages: Record<string, unknown>[] = [];
  let closedWith: number | undefined;
  let refusedWith: string | undefined;
  socket.on("message", (text) => messages.push(JSON.parse(String(text))));
  socket.on("close", (code) => (closedWith = code));
  socket.on("error", (error) => (refusedWith = error.message));

  /** The next message of this name that was not handed out before. */
  async function next(...names: readonly string[]): Promise<Record<string, unknown>> {
    const find = (): number => messages.findIndex(({ event }) => names.includes(String(event)));
    await waitFor(
      () => find() !== -1 || closedWith !== undefined,
      () => `${names.join(" or ")} in ${JSON.stringify(messages)}`,
    );
    const index = find();
    if (index === -1) {
      throw new Error(`${refusedWith ?? `closed with ${closedWith}`} before ${names.join(" or ")}`);
    }
    return messages.splice(index, 1)[0] ?? {};
  }

  const say = (event: string, data: unknown = {}, channel?: string): void =>
    socket.send(JSON.stringify({ event, data, ...(channel !== undefined && { channel }) }));

  const { data } = await next("pusher:connection_established");
  return {
    socket,
    messages,
    next,
    say,
    established: Object(JSON.parse(String(data))) as {
      socket_id: string;
      activity_timeout: number;
    },
    /** The status of a refusal; 200 if it succeeded. */
    async subscribe(channel: string, proof: Record<string, string> = {}): Promise<number> {
      say("pusher:subscribe", { channel, ...proof });
      const answer = await next(
        "pusher_internal:subscription_succeeded",
        "pusher:subscription_error",
      );
      return answer["event"] === "pusher:subscription_error"
        ? Number(JSON.parse(String(answer["data"])).status)
        : 200;
    },
    /** The code of the next `pusher:error`. */
    async error(): Promise<number> {
      const { data: fault } = await next("pusher:error");
      return Number(Object(typeof fault === "string" ? JSON.parse(fault) : fault).code);
    },
    /** Resolves with the close code. */
    async closed(): Promise<number> {
      await waitFor(
        () => closedWith !== undefined,
        () => "the close",
      );
      return closedWith ?? 0;
    },
  };
}
