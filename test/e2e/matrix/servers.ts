// The servers of the matrix, one row each.
import PusherServer from "pusher";
import { laravelEnv } from "../support/laravel.ts";
import { needsLaravel } from "../support/needs.ts";
import { startSidecar } from "../support/sidecar.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { startStack } from "../support/stack.ts";
import { laravelServer } from "./laravel-server.ts";
import { nodeServer } from "./node-server.ts";
import { phpServer } from "./php-server.ts";
import type { RunningServer, Server } from "./server.ts";
import type { ServerFeatureId } from "./server-features.ts";
import { credentials } from "./stage.ts";
import { composerConstraint, composerVersion, npmVersion } from "./versions.ts";

export interface ServerKind {
  /** The column's head. With Composer's constraint where the version depends on the day of installation. */
  readonly title: string;
  /** With the installed version: the beginning of its tests' titles. */
  readonly testTitle: string;
  /** Why it can't run on this machine, or false. */
  readonly lacks: () => string | false;
  readonly start: () => Promise<RunningServer>;
  /** What it can't do by its own nature, and why. */
  readonly cannot: Readonly<Partial<Record<ServerFeatureId, string>>>;
}

const php = "pusher/pusher-php-server";
const laravel = "laravel/framework";
const publishesOnly =
  "Laravel's broadcasters publish and sign, and do nothing else; ask the PHP SDK below it, `Broadcast::connection('reverb')->getPusher()`.";

export const serverKinds: readonly ServerKind[] = [
  {
    title: `pusher (Node) ${npmVersion("pusher")}`,
    testTitle: `pusher (Node) ${npmVersion("pusher")}`,
    lacks: () => false,
    start: () =>
      startWithSidecar((port) =>
        nodeServer(new PusherServer({ ...credentials, host: "127.0.0.1", port: String(port) })),
      ),
    cannot: {},
  },
  {
    title: `${php} ${composerConstraint(php)}`,
    testTitle: `${php} ${composerVersion(php)}`,
    lacks: needsLaravel,
    start: () => startWithSidecar((port) => phpServer({ ...credentials, port })),
    cannot: {},
  },
  {
    title: `${laravel} ${composerConstraint(laravel)}, \`reverb\` driver`,
    testTitle: `${laravel} ${composerVersion(laravel)}, reverb driver`,
    lacks: needsLaravel,
    start: startBehindSidecar,
    cannot: {
      batch: publishesOnly,
      channels: publishesOnly,
      channelInfo: publishesOnly,
      users: publishesOnly,
      sendToUser: publishesOnly,
      terminate: publishesOnly,
    },
  },
];

async function startWithSidecar(server: (port: number) => Server): Promise<RunningServer> {
  const { appId, key, secret } = credentials;
  const sidecar = await startSidecar({
    env: {
      REVERB_APP_ID: appId,
      REVERB_APP_KEY: key,
      REVERB_APP_SECRET: secret,
      POGO_UPSTREAM: "none",
    },
  });
  const stop = async (): Promise<void> => void (await sidecar.stop());
  return { server: server(sidecar.port), sidecar: placeOf(sidecar, key), stop };
}

async function startBehindSidecar(): Promise<RunningServer> {
  const stack = await startStack();
  const key = laravelEnv()["REVERB_APP_KEY"] ?? "";
  return { server: laravelServer(stack), sidecar: placeOf(stack.sidecar, key), stop: stack.stop };
}

function placeOf({ port }: Sidecar, key: string): RunningServer["sidecar"] {
  return { host: "127.0.0.1", port, key };
}
