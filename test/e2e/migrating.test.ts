// The steps of docs/migrating.md, as one who follows them would do.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { httpClient, json } from "./support/http-client.ts";
import type { HttpClient } from "./support/http-client.ts";
import { startLaravel } from "./support/laravel.ts";
import type { Laravel } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { Pusher } from "./support/pusher-js.ts";
import type { Channel } from "./support/pusher-js.ts";
import { startSidecar } from "./support/sidecar.ts";
import type { Sidecar } from "./support/sidecar.ts";

interface Way {
  readonly from: string;
  /** The app's own variables, as they were before. */
  readonly laravel: (port: number) => Record<string, string>;
  /** What the sidecar is started with. */
  readonly sidecar: (laravelUrl: string) => Record<string, string>;
  readonly key: string;
  /** Where pages and `/broadcasting/auth` are: through the sidecar, or beside it. */
  readonly pagesAt: "sidecar" | "laravel";
}

const reverb = {
  REVERB_APP_ID: "123456",
  REVERB_APP_KEY: "laravel-app-key",
  REVERB_APP_SECRET: "laravel-app-secret",
};

const ways: readonly Way[] = [
  {
    from: "Reverb, in front of the app",
    laravel: () => ({}),
    sidecar: (laravelUrl) => ({ ...reverb, POGO_UPSTREAM: laravelUrl }),
    key: "laravel-app-key",
    pagesAt: "sidecar",
  },
  {
    from: "Reverb, stand-alone",
    laravel: () => ({}),
    sidecar: () => ({ ...reverb, POGO_UPSTREAM: "none" }),
    key: "laravel-app-key",
    pagesAt: "laravel",
  },
  {
    from: "Soketi with its default app",
    laravel: (port) => ({
      BROADCAST_CONNECTION: "pusher",
      PUSHER_APP_ID: "app-id",
      PUSHER_APP_KEY: "app-key",
      PUSHER_APP_SECRET: "app-secret",
      PUSHER_HOST: "127.0.0.1",
      PUSHER_PORT: String(port),
      PUSHER_SCHEME: "http",
      PUSHER_APP_CLUSTER: "mt1",
    }),
    sidecar: () => ({
      POGO_APP_ID: "app-id",
      POGO_APP_KEY: "app-key",
      POGO_APP_SECRET: "app-secret",
      POGO_UPSTREAM: "none",
    }),
    key: "app-key",
    pagesAt: "laravel",
  },
  {
    from: "Pusher",
    laravel: (port) => ({
      BROADCAST_CONNECTION: "pusher",
      PUSHER_APP_ID: "1234567",
      PUSHER_APP_KEY: "a1b2c3d4e5f6a7b8c9d0",
      PUSHER_APP_SECRET: "0d9c8b7a6f5e4d3c2b1a",
      PUSHER_HOST: "127.0.0.1",
      PUSHER_PORT: String(port),
      PUSHER_SCHEME: "http",
    }),
    sidecar: (laravelUrl) => ({
      POGO_APP_ID: "1234567",
      POGO_APP_KEY: "a1b2c3d4e5f6a7b8c9d0",
      POGO_APP_SECRET: "0d9c8b7a6f5e4d3c2b1a",
      POGO_UPSTREAM: laravelUrl,
    }),
    key: "a1b2c3d4e5f6a7b8c9d0",
    pagesAt: "sidecar",
  },
];

for (const way of ways) {
  describe(`docs/migrating.md: from ${way.from}`, { skip: needsLaravel() }, () => {
    let laravel: Laravel;
    let sidecar: Sidecar;
    let user: HttpClient;
    let client: Pusher;

    before(async () => {
      const port = await freePort();
      laravel = await startLaravel({ sidecarPort: port, env: way.laravel(port) });
      sidecar = await startSidecar({
        env: { POGO_PORT: String(port), ...way.sidecar(laravel.url) },
      });
      user = httpClient(way.pagesAt === "sidecar" ? sidecar.url : laravel.url);
      await user.login(1);
      client = new Pusher(way.key, {
        cluster: "",
        wsHost: "127.0.0.1",
        wsPort: port,
        forceTLS: false,
        enabledTransports: ["ws"],
        channelAuthorization: {
          transport: "ajax",
          endpoint: "",
          customHandler: ({ socketId, channelName }, done) => {
            const body = { socket_id: socketId, channel_name: channelName };
            const authorize = async (): Promise<void> => {
              const response = await user.post("/broadcasting/auth", body);
              done(null, await json<{ auth: string }>(response));
            };
            void authorize();
          },
        },
      });
    });

    after(async () => {
      client?.disconnect();
      await sidecar?.stop();
      await laravel?.stop();
    });

    const cases = [
      { kind: "public", channel: "news", wire: "news" },
      { kind: "private", channel: "user.1", wire: "private-user.1" },
      { kind: "presence", channel: "room.1", wire: "presence-room.1" },
    ];
    for (const { kind, channel, wire } of cases) {
      test(`an event that Laravel broadcasts arrives on a ${kind} channel`, async () => {
        const subscribed = await whenSubscribed(client, wire);
        const received = new Promise<unknown>((resolve) => {
          subscribed.bind_global((event: string, data: unknown) => {
            if (!event.startsWith("pusher:")) resolve(data);
          });
        });
        const answer = await user.post("/broadcast", { kind, channel, text: "hello" });
        assert.equal(answer.status, 200, await answer.text());
        assert.match(JSON.stringify(await received), /hello/);
      });
    }
  });
}

function whenSubscribed(client: Pusher, name: string): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const channel = client.subscribe(name);
    channel.bind("pusher:subscription_succeeded", () => resolve(channel));
    channel.bind("pusher:subscription_error", (error: unknown) => {
      reject(new Error(JSON.stringify(error)));
    });
  });
}
