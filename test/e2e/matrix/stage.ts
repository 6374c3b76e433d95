/** What the clients of the matrix meet: a sidecar process, the auth app behind it, and a publisher with Pusher's Node SDK. */

import PusherServer from "pusher";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { startSidecar } from "../../kit/process.ts";
import type { Exit } from "../../../sidecar/testing/child.ts";
import type { Sidecar } from "../../kit/process.ts";
import { bearerToken, startAuthApp } from "./auth-app.ts";
import type { Identity } from "./auth-app.ts";
import type { ClientOptions } from "./client.ts";

export const credentials = {
  appId: "123456",
  key: "matrix-key",
  secret: "matrix-secret",
  /** Of encrypted channels: 32 bytes that only the app and its SDKs know. */
  encryptionMasterKeyBase64: Buffer.from("an-encryption-key-of-32-bytes-!!").toString("base64"),
} as const;

export interface Stage {
  readonly port: number;
  /** Publishes and asks. */
  readonly server: PusherServer;
  clientOptions(identity: Identity): ClientOptions;
  /** SIGTERM for the sidecar, and when it has ended, another on the same port. Resolves with how the first ended. */
  restart(): Promise<Exit>;
  stop(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const port = await freePort();
  const server = sdk(port, credentials.secret);
  const app = await startAuthApp({ signer: server, forger: sdk(port, "another-secret") });
  const start = (): Promise<Sidecar> =>
    startSidecar({
      env: {
        REVERB_APP_ID: credentials.appId,
        REVERB_APP_KEY: credentials.key,
        REVERB_APP_SECRET: credentials.secret,
        POGO_PORT: String(port),
        POGO_UPSTREAM: app.url,
        POGO_SUBSCRIPTION_COUNT: "true",
      },
    });
  let sidecar = await start().catch(async (error: unknown) => {
    await app.stop();
    throw error;
  });
  return {
    port,
    server,
    clientOptions: (identity) => ({
      host: "127.0.0.1",
      port,
      key: credentials.key,
      authEndpoint: `http://127.0.0.1:${port}/broadcasting/auth`,
      userAuthEndpoint: `http://127.0.0.1:${port}/broadcasting/user-auth`,
      bearerToken: bearerToken(identity),
    }),
    restart: async () => {
      const exit = await sidecar.stop();
      sidecar = await start();
      return exit;
    },
    stop: async () => {
      await sidecar.stop();
      await app.stop();
    },
  };
}

function sdk(port: number, secret: string): PusherServer {
  return new PusherServer({ ...credentials, secret, host: "127.0.0.1", port: String(port) });
}
