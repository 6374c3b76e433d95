/** The Laravel test app behind the sidecar, two processes with the same credentials, as a user has them. */

import assert from "node:assert/strict";
import { httpClient } from "./http-client.ts";
import type { HttpClient } from "./http-client.ts";
import { laravelEnv, startLaravel } from "./laravel.ts";
import type { Laravel, LaravelOptions } from "./laravel.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { startSidecar } from "../../kit/process.ts";
import type { Sidecar } from "../../kit/process.ts";

export interface Stack {
  readonly laravel: Laravel;
  readonly sidecar: Sidecar;
  readonly app: { readonly id: string; readonly key: string; readonly secret: string };
  /** `ws://…/app/{key}` */
  readonly socketUrl: string;
  /** A browser session at the sidecar's address; with `userId` logged in through it. */
  visitor(userId?: number): Promise<HttpClient>;
  stop(): Promise<void>;
}

export interface BroadcastRequest {
  readonly kind: "public" | "private" | "presence" | "encrypted";
  readonly channel: string;
  readonly text: string;
  /** toOthers() */
  readonly others?: boolean;
  /** As an event that implements `ShouldRescue` (Laravel 12 and newer). */
  readonly rescued?: boolean;
  /** By a job, once a worker does it. */
  readonly queued?: boolean;
}

/**
 * @param sidecarEnv more of the sidecar's environment
 * @param laravelOptions of the app
 */
export async function startStack(
  sidecarEnv: Readonly<Record<string, string>> = {},
  laravelOptions: Pick<LaravelOptions, "release" | "env" | "folder" | "serve"> = {},
): Promise<Stack> {
  const env = laravelEnv();
  const app = {
    id: env["REVERB_APP_ID"] ?? "",
    key: env["REVERB_APP_KEY"] ?? "",
    secret: env["REVERB_APP_SECRET"] ?? "",
  };
  const port = Number(sidecarEnv["POGO_PORT"] ?? (await freePort()));
  const laravel = await startLaravel({ sidecarPort: port, ...laravelOptions });
  const sidecar = await startSidecar({
    env: {
      REVERB_APP_ID: app.id,
      REVERB_APP_KEY: app.key,
      REVERB_APP_SECRET: app.secret,
      POGO_PORT: String(port),
      POGO_UPSTREAM: laravel.url,
      ...sidecarEnv,
    },
  }).catch(async (error: unknown) => {
    await laravel.stop();
    throw error;
  });
  return {
    laravel,
    sidecar,
    app,
    socketUrl: `${sidecar.wsUrl}/app/${app.key}`,
    visitor: async (userId) => {
      const client = httpClient(sidecar.url);
      if (userId !== undefined) await client.login(userId);
      return client;
    },
    stop: async () => {
      await sidecar.stop();
      await laravel.stop();
    },
  };
}

/** Has a route of the app broadcast a MessageSent; resolves when the sidecar has taken it. */
export async function broadcast(
  visitor: HttpClient,
  event: BroadcastRequest,
  socketId?: string,
): Promise<void> {
  const headers: Record<string, string> = socketId === undefined ? {} : { "x-socket-id": socketId };
  const response = await visitor.post("/broadcast", { ...event }, headers);
  assert.equal(response.status, 200, await response.text());
}
