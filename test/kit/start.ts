/** A whole sidecar in this process, and an app behind it. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { text as readText } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { formatErrors, loadConfig } from "../../sidecar/config.ts";
import { createSidecar } from "../../sidecar/sidecar.ts";
import { send } from "../../sidecar/testing/http-api.ts";
import { listen, type Cleanup } from "../../sidecar/testing/raw-http.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import {
  app,
  createSigner,
  signChannel,
  type Call,
  type ChannelProof,
  type Credentials,
} from "./sign.ts";

export { app } from "./sign.ts";

/** What a subrequest asks; about a user it names no channel. */
export async function readQuestion(req: IncomingMessage) {
  return parseQuestion(await readText(req));
}

export function parseQuestion(body: string) {
  const fields = new URLSearchParams(body);
  return {
    socket_id: fields.get("socket_id") ?? "",
    channel_name: fields.get("channel_name") ?? "",
  };
}

export type RunningSidecar = Awaited<ReturnType<typeof startSidecar>>;

export interface StartOptions {
  /** Its clock, in place of the real one. */
  readonly now?: () => number;
  /** The least level that is kept in `lines`. */
  readonly logLevel?: "trace" | "debug" | "info";
  /** What its config file says; it then has no other apps than those in it. */
  readonly file?: object;
}

/** @param env besides the app's credentials and free ports on 127.0.0.1 */
export async function startSidecar(
  test: Cleanup,
  env: Readonly<Record<string, string>> = {},
  { now, file, logLevel = "debug" }: StartOptions = {},
) {
  const credentials = {
    POGO_APP_ID: app.id,
    POGO_APP_KEY: app.key,
    POGO_APP_SECRET: app.secret,
  };
  const loaded = loadConfig({
    argv: file ? ["--config", "/etc/pogo.json"] : [],
    env: {
      ...(!file && credentials),
      POGO_HOST: "127.0.0.1",
      POGO_PORT: "0",
      POGO_ADMIN_PORT: "0",
      POGO_UPSTREAM: "none",
      // With a clock that stands still the window would never pass.
      POGO_DRAIN_WINDOW: "0",
      ...env,
    },
    readFile: () => (file ? JSON.stringify(file) : assert.fail("no file was named")),
  });
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: logLevel }, { write: (line) => void lines.push(JSON.parse(line)) });
  const sidecar = await createSidecar(loaded.config, {
    version: "0.0.0-test",
    log,
    ...(now && { now }),
  });
  const { port, adminPort } = await sidecar.start();
  test.after(() => sidecar.stop());
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const metrics = async (): Promise<string> => (await fetch(`${adminUrl}/metrics`)).text();

  /** Every series of a metric, by its labels as they stand there; one without labels is under "". */
  async function series(name: string): Promise<Record<string, number>> {
    const found = (await metrics()).matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.+)$`, "gm"));
    return Object.fromEntries([...found].map(([, labels = "", value]) => [labels, Number(value)]));
  }

  /** Those that are not 0. */
  async function counted(name: string): Promise<Record<string, number>> {
    return withoutZeros(await series(name));
  }

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    adminUrl,
    lines,
    metrics,
    series,
    counted,
    /** Of all series of a metric. */
    async sum(name: string): Promise<number> {
      return Object.values(await series(name)).reduce((sum, value) => sum + value, 0);
    },
    /** What has ended may be counted after its client has seen the end: waits until a metric's series are these, or 0. */
    async seriesBecome(name: string, becoming: Record<string, number>): Promise<void> {
      const wanted = withoutZeros(becoming);
      let found = {};
      const isSo = async () => isDeepStrictEqual((found = await counted(name)), wanted);
      await until(`the series of ${name}`, isSo, 5_000).catch(() => undefined);
      assert.deepEqual(found, wanted);
    },
    /** Calls the HTTP API as the app does, unless it says otherwise. */
    call(route: string, call?: Call, credentials: Credentials = app) {
      const { method, target, body } = createSigner(credentials)(route, call);
      return send(port, method, target, body);
    },
    /** The same over a Unix socket. */
    callOver(socketPath: string, route: string, call?: Call) {
      const { method, target, body } = createSigner(app)(route, call);
      return send(socketPath, method, target, body);
    },
    stop: sidecar.stop,
  };
}

function withoutZeros(series: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(series).filter(([, value]) => value !== 0));
}

/** An HTTP server for `POGO_UPSTREAM`; resolves with its address. */
export async function startApp(
  test: Cleanup,
  answer: (...args: Parameters<RequestListener>) => void | Promise<void>,
): Promise<string> {
  return `http://127.0.0.1:${await listen(
    test,
    createServer((req, res) => void answer(req, res)),
  )}`;
}

/** What the app would answer to a subscribe that it allows. */
export function signedAnswer(socketId: string, channel: string): ChannelProof {
  return signChannel(app, socketId, channel);
}
