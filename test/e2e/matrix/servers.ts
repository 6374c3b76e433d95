/** The servers of the matrix, one row each. */

import PusherServer from "pusher";
import PusherServer52 from "pusher-5.2";
import { laravel11, laravel12, laravel13, laravelEnv } from "../support/laravel.ts";
import type { LaravelRelease } from "../support/laravel.ts";
import { needsLaravel } from "../support/needs.ts";
import { startSidecar } from "../../kit/process.ts";
import type { Sidecar } from "../../kit/process.ts";
import { startStack } from "../support/stack.ts";
import { laravelServer } from "./laravel-server.ts";
import { nodeServer } from "./node-server.ts";
import { phpServer } from "./php-server.ts";
import type { RunningServer, Server } from "./server.ts";
import type { ServerFeatureId } from "./server-features.ts";
import { credentials } from "./stage.ts";
import { composerVersion, installedVersion, npmVersion, pinnedNpmVersion } from "./versions.ts";
import { startWebhookEndpoint } from "./webhook-endpoint.ts";
import { wireServer } from "./wire-server.ts";
import type { WireSdk } from "./wire-server.ts";
import type { WebhookEndpoint } from "./webhook-endpoint.ts";

export interface ServerKind {
  /** The column's head, and the beginning of its tests' titles. */
  readonly title: string;
  /** In the title; null: not the library runs, but what it sends. */
  readonly version: string | null;
  readonly installedVersion: () => string | undefined;
  /** Why it can't run on this machine, or false. */
  readonly lacks: () => string | false;
  readonly start: () => Promise<RunningServer>;
  /** What it can't do by its own nature, and why. */
  readonly cannot: Readonly<Partial<Record<ServerFeatureId, string>>>;
}

const publishesOnly =
  "Laravel's broadcasters publish and sign, and do nothing else; ask the PHP SDK below it, `Broadcast::connection('reverb')->getPusher()`.";

const wireOnly =
  "Only requests to the HTTP API are replayed; signing for clients and checking webhooks is the same HMAC in every SDK, and calls for users are not in the sources at hand.";

export const serverKinds: readonly ServerKind[] = [
  node("pusher", PusherServer),
  node("pusher-5.2", PusherServer52),
  php(laravel12),
  php(laravel11),
  laravel(laravel13),
  laravel(laravel12),
  laravel(laravel11),
  wire("python"),
  wire("go"),
  wire("ruby"),
  wire("java"),
];

type Sdk = new (options: PusherServer.Options) => PusherServer;

/** @param alias its name in node_modules */
function node(alias: string, Sdk: Sdk): ServerKind {
  const version = pinnedNpmVersion(alias);
  return {
    title: `pusher (Node) ${version}`,
    version,
    installedVersion: () => npmVersion(alias),
    lacks: () => false,
    start: () =>
      startWithSidecar((port) =>
        nodeServer(new Sdk({ ...credentials, host: "127.0.0.1", port: String(port) })),
      ),
    cannot: {},
  };
}

function php(release: LaravelRelease): ServerKind {
  const { vendorFolder } = release;
  const name = "pusher/pusher-php-server";
  const version = composerVersion(vendorFolder, name);
  return {
    title: `${name} ${version}`,
    version,
    installedVersion: () => installedVersion(vendorFolder, name),
    lacks: () => needsLaravel(release),
    start: () => startWithSidecar((port) => phpServer({ ...credentials, port, vendorFolder })),
    cannot: {},
  };
}

function laravel(release: LaravelRelease): ServerKind {
  const { vendorFolder } = release;
  const name = "laravel/framework";
  const version = composerVersion(vendorFolder, name);
  return {
    title: `${name} ${version}, \`reverb\` driver`,
    version,
    installedVersion: () => installedVersion(vendorFolder, name),
    lacks: () => needsLaravel(release),
    start: () => startBehindSidecar(release),
    cannot: {
      batch: publishesOnly,
      channels: publishesOnly,
      channelInfo: publishesOnly,
      users: publishesOnly,
      sendToUser: publishesOnly,
      terminate: publishesOnly,
      terminateOdd: publishesOnly,
      webhook: publishesOnly,
    },
  };
}

function wire(sdk: WireSdk): ServerKind {
  return {
    title: `pusher-http-${sdk}, its wire`,
    version: null,
    installedVersion: () => undefined,
    lacks: () => false,
    start: () =>
      startWithSidecar((port) => {
        const node = new PusherServer({ ...credentials, host: "127.0.0.1", port: String(port) });
        return wireServer(sdk, { ...credentials, port, signer: nodeServer(node).signer });
      }),
    cannot: {
      private: wireOnly,
      presence: wireOnly,
      encrypted: wireOnly,
      signin: wireOnly,
      sendToUser: wireOnly,
      terminate: wireOnly,
      terminateOdd: wireOnly,
      webhook: wireOnly,
    },
  };
}

async function startWithSidecar(server: (port: number) => Server): Promise<RunningServer> {
  const { appId, key, secret } = credentials;
  const endpoint = await startWebhookEndpoint();
  const sidecar = await startSidecar({
    env: {
      REVERB_APP_ID: appId,
      REVERB_APP_KEY: key,
      REVERB_APP_SECRET: secret,
      POGO_UPSTREAM: "none",
      ...webhookEnv(endpoint),
    },
  });
  return {
    server: server(sidecar.port),
    sidecar: placeOf(sidecar, key),
    webhooks: endpoint.received,
    stop: async () => {
      await sidecar.stop();
      await endpoint.stop();
    },
  };
}

async function startBehindSidecar(release: LaravelRelease): Promise<RunningServer> {
  const endpoint = await startWebhookEndpoint();
  const stack = await startStack(webhookEnv(endpoint), { release });
  const key = laravelEnv()["REVERB_APP_KEY"] ?? "";
  return {
    server: laravelServer(stack),
    sidecar: placeOf(stack.sidecar, key),
    webhooks: endpoint.received,
    stop: async () => {
      await stack.stop();
      await endpoint.stop();
    },
  };
}

/** Of one cell's channels only, so that nothing else is in its way. */
function webhookEnv({ url }: WebhookEndpoint): Readonly<Record<string, string>> {
  return {
    POGO_WEBHOOK_URL: url,
    POGO_WEBHOOK_EVENTS: "channel_occupied",
    POGO_WEBHOOK_CHANNEL_PREFIX: "occupied-",
  };
}

function placeOf({ port }: Sidecar, key: string): RunningServer["sidecar"] {
  return { host: "127.0.0.1", port, key };
}
