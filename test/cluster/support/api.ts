/** The HTTP API of one node, as the app's backend calls it. */

import { app, createSigner, type Call } from "../../kit/sign.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: unknown;
}

export interface PublishOptions {
  readonly socketId?: string;
  readonly info?: string;
}

export interface Api {
  /** `id` becomes the event's data, `{ id }`, by which `Client.ids` finds it again. */
  publish(
    channels: string | readonly string[],
    id: string,
    options?: PublishOptions,
  ): Promise<Answer>;
  terminate(userId: string): Promise<Answer>;
  get(path: string, params?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Users of a presence channel, in order. */
  users(channel: string): Promise<string[]>;
  connections(): Promise<number>;
}

/** The event that `publish` sends. */
export const eventName = "happened";

/** @param deadlineMs for each call; no answer of a node may take longer */
export function createApi(url: string, deadlineMs = 5_000): Api {
  const sign = createSigner(app);
  const call = async (route: string, asked: Call): Promise<Answer> => {
    const { method, target, body } = sign(route, asked);
    const response = await fetch(url + target, {
      method,
      signal: AbortSignal.timeout(deadlineMs),
      // Nothing stays open of it, so that what a node has open is its own.
      headers: { connection: "close", ...(body !== "" && { "content-type": "application/json" }) },
      ...(body !== "" && { body }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    return { status: response.status, text, json: isJson ? JSON.parse(text) : null };
  };
  const read = async <T>(path: string): Promise<T> => {
    const answer = await call(path, {});
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json as T;
  };
  return {
    publish: (channels, id, { socketId, info } = {}) => {
      const body = {
        name: eventName,
        data: JSON.stringify({ id }),
        channels: typeof channels === "string" ? [channels] : channels,
        ...(socketId !== undefined && { socket_id: socketId }),
        ...(info !== undefined && { info }),
      };
      return call("events", { body });
    },
    terminate: (userId) => call(`users/${userId}/terminate_connections`, { body: {} }),
    get: (path, query = {}) => call(path, { query }),
    users: async (channel) => {
      const { users } = await read<{ users: { id: string }[] }>(`channels/${channel}/users`);
      return users.map(({ id }) => id).toSorted();
    },
    connections: async () => (await read<{ connections: number }>("connections")).connections,
  };
}
