/** A page with Laravel Echo, run in Node: pusher-js as it is, with what a browser would add by itself. */

import { createRequire } from "node:module";
import Echo from "laravel-echo";
import type * as pusherJs from "pusher-js";
import type { HttpClient } from "./http-client.ts";
import { within } from "../../../sidecar/testing/eventually.ts";

/** The class is the module at run time; its types, and Echo's, have a `default` on it. */
type PusherModule = typeof pusherJs.default;
type PusherClass = PusherModule["default"];

export interface EchoPage {
  readonly echo: Echo<"reverb">;
  readonly pusher: InstanceType<PusherClass>;
  /** The socket id, once it is connected. @throws after 5 s */
  connected(): Promise<string>;
  /** Closes the tab. */
  leave(): void;
}

export interface EchoPageOptions {
  /** `http://host:port` of the sidecar: where the page came from, too. */
  readonly url: string;
  /** Where the page and its auth endpoints are, if not there. */
  readonly authUrl?: string;
  readonly key: string;
  /** Whose page it is: its cookies go along with the WebSocket handshake and the page's requests. */
  readonly visitor: HttpClient;
  /** Sends no signatures: for each channel the sidecar has to ask the app itself. */
  readonly unsigned?: boolean;
  /** With `unsigned`: who the page says it is. pusher-js wants to know in presence channels. */
  readonly claimedUserId?: string;
  /** Makes the Echo with the class it is given, which adds what a browser would; else one for Reverb is made. */
  readonly create?: (EchoInBrowser: EchoClass) => Echo<"reverb">;
}

type EchoClass = new (options: Record<string, unknown>) => Echo<"reverb">;

/** What Echo's `.error()` is called with. */
export interface SubscriptionError {
  readonly type: string;
  readonly error: string;
  readonly status?: number;
}

export function openEchoPage(options: EchoPageOptions): EchoPage {
  const { url, authUrl = url, key, visitor, unsigned = false, claimedUserId } = options;
  const { hostname, port } = new URL(url);
  const channelAuthorization: pusherJs.ChannelAuthorizationOptions = {
    customHandler: (_params, callback) =>
      callback(null, {
        auth: "",
        ...(claimedUserId !== undefined && {
          channel_data: JSON.stringify({ user_id: claimedUserId }),
        }),
      }),
  };
  const ofBrowser = {
    authEndpoint: `${authUrl}/broadcasting/auth`,
    userAuthentication: {
      transport: "ajax" as const,
      endpoint: `${authUrl}/broadcasting/user-auth`,
      headers: {},
    },
    ...(unsigned && { channelAuthorization }),
    Pusher: loadPusher(authUrl, () => visitor.cookieHeader()) as unknown as PusherModule,
  };
  class EchoInBrowser extends Echo<"reverb"> {
    constructor(asWritten: object) {
      super({ broadcaster: "reverb", key, ...asWritten, ...ofBrowser });
    }
  }
  const forReverb = (EchoInBrowser: EchoClass): Echo<"reverb"> =>
    new EchoInBrowser({
      wsHost: hostname,
      wsPort: Number(port),
      forceTLS: false,
      enabledTransports: ["ws"],
    });
  const { create = forReverb } = options;
  const echo = create(EchoInBrowser);
  const { pusher } = echo.connector;
  return {
    echo,
    pusher,
    connected: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (pusher.connection.state === "connected") resolve();
      else pusher.connection.bind("connected", resolve);
      await within("the connection", promise);
      return pusher.connection.socket_id;
    },
    leave: () => echo.disconnect(),
  };
}

interface Subscribable {
  subscribed(callback: () => void): unknown;
  error(callback: (error: SubscriptionError) => void): unknown;
}

/** Resolves when the channel is subscribed. @throws what Echo's `.error()` is called with; after 5 s */
export function subscribed(channel: Subscribable): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  channel.subscribed(resolve);
  channel.error((error) => reject(new Error(JSON.stringify(error))));
  return within("the subscription", promise);
}

/** Resolves with what Echo's `.error()` is called with. @throws when it is subscribed instead; after 5 s */
export function refused(channel: Subscribable): Promise<SubscriptionError> {
  const { promise, resolve, reject } = Promise.withResolvers<SubscriptionError>();
  channel.subscribed(() => reject(new Error("it was subscribed")));
  channel.error(resolve);
  return within("the refusal", promise);
}

const require = createRequire(import.meta.url);

/** A copy of pusher-js for each page, as each tab has its own: what it adds to requests is kept in the module. */
function loadPusher(origin: string, cookies: () => string): PusherClass {
  delete require.cache[require.resolve("pusher-js")];
  const Pusher = require("pusher-js") as PusherClass;
  const { Runtime } = Pusher;

  const { createXHR } = Runtime;
  Runtime.createXHR = () => {
    const xhr = createXHR.call(Runtime) as XhrOfNode;
    const open = xhr.open.bind(xhr);
    xhr.setDisableHeaderCheck(true);
    xhr.open = (...args) => {
      open(...args);
      xhr.setRequestHeader("Cookie", cookies());
      xhr.setRequestHeader("Origin", origin);
    };
    return xhr;
  };

  const Socket = Runtime.getWebSocketAPI() as unknown as SocketOfNode;
  Runtime.createWebSocket = (url) => {
    const socket = new Socket(url, [], { headers: { Cookie: cookies(), Origin: origin } });
    const close = socket.close.bind(socket);
    // pusher-js closes after a 4009 what is closed already, and then faye-websocket would keep this process for 30 s.
    socket.close = (...args) => {
      if (socket.readyState < 3) close(...args);
    };
    return socket;
  };
  return Pusher;
}

type Ajax = ReturnType<PusherClass["Runtime"]["createXHR"]>;
type XhrOfNode = Ajax & { setDisableHeaderCheck(isOff: boolean): void };
type Socket = ReturnType<PusherClass["Runtime"]["createWebSocket"]>;
type SocketOfNode = new (
  url: string,
  protocols: readonly string[],
  options: { headers: Record<string, string> },
) => Socket & { readonly readyState: number };
