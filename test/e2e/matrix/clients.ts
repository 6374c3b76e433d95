/** The clients of the matrix, one row each, every version from the registry. */

import type { Client, ClientOptions } from "./client.ts";
import type { ClientFeatureId } from "./client-features.ts";
import { echoClient, loadEcho } from "./echo-client.ts";
import { nativeClient } from "./native-client.ts";
import { decoders, type Decoder } from "./native-wire.ts";
import { loadPusherJs, pusherJsClient } from "./pusher-js-client.ts";
import { npmVersion } from "./versions.ts";

export interface ClientKind {
  /** With its version: the column's head, and the beginning of its tests' titles. */
  readonly title: string;
  readonly open: (options: ClientOptions) => Client;
  /** What it can't do by its own nature, and why. */
  readonly cannot: Readonly<Partial<Record<ClientFeatureId, string>>>;
}

export const clientKinds: readonly ClientKind[] = [
  pusherJs("pusher-js-7"),
  pusherJs("pusher-js"),
  await echo("laravel-echo-1", "pusher-js-7"),
  await echo("laravel-echo-1", "pusher-js"),
  await echo("laravel-echo", "pusher-js"),
  native("native, as Swift reads", decoders.swift),
  native("native, as .NET reads", decoders.dotnet),
  native("native, as Java reads", decoders.java),
];

function native(title: string, decoder: Decoder): ClientKind {
  return { title, open: (options) => nativeClient(options, undefined, decoder), cannot: {} };
}

function pusherJs(alias: string): ClientKind {
  const Library = loadPusherJs(alias);
  return {
    title: `pusher-js ${npmVersion(alias)}`,
    open: (options) => pusherJsClient(Library, options),
    cannot: {},
  };
}

async function echo(alias: string, pusherAlias: string): Promise<ClientKind> {
  const Library = await loadEcho(alias);
  const Pusher = loadPusherJs(pusherAlias);
  return {
    title: `laravel-echo ${npmVersion(alias)} over pusher-js ${npmVersion(pusherAlias)}`,
    open: (options) => echoClient(Library, Pusher, options),
    cannot: {},
  };
}
