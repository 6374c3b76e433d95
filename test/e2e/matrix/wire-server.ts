/** HTTP SDKs that no registry in reach of these tests has, as the requests that their public sources send. */

import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { Publish, Server } from "./server.ts";

export interface WireOptions {
  readonly port: number;
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  /** Who signs for clients: that is one HMAC in all SDKs. */
  readonly signer: Server["signer"];
}

type Params = Readonly<Record<string, string>>;

/** What tells the requests of one SDK from those of another. */
interface Dialect {
  /** Of a GET, whose body is empty. */
  readonly signsEmptyBody: boolean;
  /** The query, signature included. */
  readonly encode: (params: Params) => string;
  readonly serialise: (value: unknown) => string;
  readonly headers: Readonly<Record<string, string>>;
}

const sorted = (params: Params): [string, string][] =>
  Object.entries(params).toSorted(([a], [b]) => (a < b ? -1 : 1));
const plainly = (params: Params): string =>
  sorted(params)
    .map((pair) => pair.join("="))
    .join("&");

const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** As `json.dumps` writes it: ASCII only, a blank behind each comma and colon. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value).replaceAll(/[\u0080-\uffff]/g, escape);
  }
  const fields = Object.entries(value).map(
    ([name, field]) => `${pythonJson(name)}: ${pythonJson(field)}`,
  );
  return `{${fields.join(", ")}}`;
}

const dialects = {
  /** pusher/http.py over requests: nothing is encoded, and every request has a `body_md5`. */
  python: {
    signsEmptyBody: true,
    encode: plainly,
    serialise: pythonJson,
    headers: {
      "User-Agent": "python-requests/2.31.0",
      "Accept-Encoding": "gzip, deflate",
      Accept: "*/*",
      "X-Pusher-Library": "pusher-http-python 3.3.2",
    },
  },
  /** request_url.go: sorted by url.Values.Encode, then unescaped as a whole. */
  go: {
    signsEmptyBody: false,
    encode: plainly,
    serialise: (value) => JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, escape),
    headers: {
      "User-Agent": "Go-http-client/1.1",
      "X-Pusher-Library": "pusher-http-go 5.1.1",
      "Accept-Encoding": "gzip",
    },
  },
  /** request.rb over httpclient, which escapes values and keeps the order in which they were put in. */
  ruby: {
    signsEmptyBody: false,
    encode: (params) => new URLSearchParams(params).toString(),
    serialise: (value) => JSON.stringify(value),
    headers: {
      "User-Agent": "HTTPClient/1.0 (2.8.3, ruby 3.1.2)",
      Accept: "*/*",
      Date: "Fri, 27 Nov 2026 00:00:00 GMT",
      "X-Pusher-Library": "pusher-http-ruby 2.0.3",
    },
  },
  /** SignatureUtil.java with URIBuilder: in the order of a HashMap, encoded as a form; Gson escapes for HTML. */
  java: {
    signsEmptyBody: false,
    encode: (params) => new URLSearchParams(sorted(params).toReversed()).toString(),
    serialise: (value) => JSON.stringify(value).replaceAll(/[<>&='\u2028\u2029]/g, escape),
    headers: {
      "User-Agent": "Apache-HttpClient/4.5.13 (Java/17.0.15)",
      "Accept-Encoding": "gzip,deflate",
    },
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type WireSdk = keyof typeof dialects;

/** What is not reproduced throws; the matrix leaves it out. */
export function wireServer(sdk: WireSdk, options: WireOptions): Server {
  const dialect: Dialect = dialects[sdk];
  const { port, appId, key, secret, signer } = options;
  const eventName = "greeting";

  async function send(
    method: "GET" | "POST",
    route: string,
    { params = {}, body = null }: { params?: Params; body?: string | null } = {},
  ): Promise<Record<string, unknown>> {
    const path = `/apps/${appId}${route}`;
    const md5 = createHash("md5")
      .update(body ?? "")
      .digest("hex");
    const signed: Params = {
      ...params,
      ...((body !== null || dialect.signsEmptyBody) && { body_md5: md5 }),
      auth_version: "1.0",
      auth_key: key,
      auth_timestamp: String(Math.floor(Date.now() / 1000)),
    };
    const signature = createHmac("sha256", secret)
      .update([method, path, plainly(signed)].join("\n"))
      .digest("hex");
    const query = dialect.encode({ ...signed, auth_signature: signature });
    const headers = {
      ...dialect.headers,
      // The Go SDK says so of every request.
      ...((body !== null || sdk === "go") && { "Content-Type": "application/json" }),
      ...(body !== null && { "Content-Length": Buffer.byteLength(body) }),
    };
    const target = `${path}?${query}`;
    const request = httpRequest({ port, host: "127.0.0.1", method, path: target, headers });
    request.end(body ?? undefined);
    const [response] = await once(request, "response");
    const text = await readText(response);
    if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${text}`);
    const answer: unknown = JSON.parse(text);
    // Ruby goes through it as a hash, Go and Java decode it into a struct.
    const isObject = typeof answer === "object" && answer !== null && !Array.isArray(answer);
    if (!isObject) throw new Error(text);
    return answer as Record<string, unknown>;
  }

  const trigger = (channels: readonly string[], text: string, except?: string) =>
    send("POST", "/events", {
      body: dialect.serialise({
        name: eventName,
        channels,
        data: dialect.serialise({ text }),
        ...(except !== undefined && { socket_id: except }),
      }),
    });
  const unknown = () => Promise.reject(new Error("not reproduced"));

  return {
    eventName,
    signer,
    publish: async ({ channel, text, except }) => void (await trigger([channel], text, except)),
    publishToMany: async (channels, text) => void (await trigger(channels, text)),
    publishBatch: async (events) => {
      const batch = events.map(({ channel, text, except }: Publish) => ({
        channel,
        name: eventName,
        data: dialect.serialise({ text }),
        ...(except !== undefined && { socket_id: except }),
      }));
      const answer = await send("POST", "/batch_events", { body: dialect.serialise({ batch }) });
      // Go's `[]TriggerBatchChannelListItem`.
      if ("batch" in answer && !Array.isArray(answer["batch"])) throw new Error("batch is no list");
    },
    presenceChannels: async (prefix) => {
      const params = { filter_by_prefix: prefix, info: "user_count" };
      const { channels } = await send("GET", "/channels", { params });
      return channels as Record<string, { user_count: number }>;
    },
    channelInfo: async (channel) => {
      const params = { info: "user_count,subscription_count" };
      const info = await send("GET", `/channels/${channel}`, { params });
      return info as { occupied: boolean; subscription_count?: number };
    },
    users: async (channel) => {
      const { users } = await send("GET", `/channels/${channel}/users`);
      return (users as { id: string }[]).map(({ id }) => id);
    },
    sendToUser: unknown,
    terminate: unknown,
    webhook: unknown,
  };
}
