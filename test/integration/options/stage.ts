/** What the proofs of options share. */

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import type { TestContext } from "node:test";
import type { EnvNames } from "../../../sidecar/config/table/values.ts";
import { connectRaw, type RawSocket } from "../../../sidecar/testing/raw-http.ts";
import { openClient, type Client } from "../../kit/client.ts";
import { app, startApp, type RunningSidecar } from "../../kit/start.ts";

/** Nobody listens there. */
export const nobody = "http://127.0.0.1:1";

/** Behind any time limit that a row sets, and before its default is over. */
export const lateMs = 1_000;

export type Env = Readonly<Record<string, string>>;

export interface Stage {
  readonly test: TestContext;
  /** The clock of the sidecar that `start` starts; it stands still unless a row puts it forward. */
  readonly clock: { nowMs: number };
  /** A sidecar with this value of the row's own option, and no other option but those of `more`. */
  start(value: string, more?: Env): Promise<RunningSidecar>;
  connect(sidecar: RunningSidecar, path?: string): Promise<Client>;
}

/** Sets an option, and holds that its effect is seen from outside. */
export type Row = (stage: Stage) => Promise<void>;

/** One for each option of a table. */
export type Rows<Table> = Readonly<Record<EnvNames<Table>, Row>>;

/** How a connection is refused: the close code, or the status of the handshake's answer. */
export async function refusal(test: TestContext, { port }: RunningSidecar, headers: Env = {}) {
  const client = openClient(test, port, { headers });
  const { status } = await Promise.race([
    client.answered,
    client.close.then(({ code }) => ({ status: code })),
  ]);
  assert.ok(!client.frames.some(({ event }) => event === "pusher:connection_established"));
  return status;
}

/** So many events on `news`, in requests of ten at most; resolves with the last one's status. */
export async function publish(
  sidecar: RunningSidecar,
  events: number,
  dataBytes: number,
  perRequest = 10,
): Promise<number> {
  let status = 0;
  for (let left = events; left > 0; left -= perRequest) {
    const event = { name: "x", channel: "news", data: "x".repeat(dataBytes) };
    const batch = Array.from({ length: Math.min(left, perRequest) }, () => event);
    ({ status } = await sidecar.call("batch_events", { body: { batch } }));
  }
  return status;
}

/** An app that answers late. */
export async function startLate(test: TestContext) {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const upstream = await startApp(test, (_req, res) => {
    resolve();
    setTimeout(() => void res.end(), lateMs);
  });
  return { upstream, asked };
}

/** An app that keeps what it was asked, and answers `{}`. */
export async function startRecordingApp(test: TestContext) {
  const requests: IncomingMessage[] = [];
  const url = await startApp(test, (req, res) => {
    requests.push(req);
    res.end("{}");
  });
  return { url, requests };
}

/** The head of a publish whose signature only its body could prove. */
export async function announceBody(
  test: TestContext,
  port: number,
  length: number,
): Promise<RawSocket> {
  const timestamp = Math.floor(Date.now() / 1000);
  const query = `auth_key=${app.key}&auth_timestamp=${timestamp}&auth_version=1.0&auth_signature=${"0".repeat(64)}`;
  const client = await connectRaw(test, port);
  return client.write(
    `POST /apps/${app.id}/events?${query} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`,
  );
}
