/** A bare client of the Pusher protocol: sends what it is told, signs nothing by itself, comes back never. */

import { WebSocket, type ClientOptions } from "ws";
import type { Cleanup } from "../../sidecar/testing/raw-http.ts";
import { app } from "./sign.ts";

export interface Message {
  readonly event: string;
  readonly channel?: string;
  /** Decoded, where the wire carried JSON in a string. */
  readonly data: unknown;
  /** The sender of a client event on a presence channel. */
  readonly user_id?: string;
  /** The bytes as they came. */
  readonly text: string;
}

export interface Close {
  readonly code: number;
  readonly reason: string;
}

export interface OpenOptions extends Omit<ClientOptions, "headers"> {
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of `/app/{key}`, where a port is given. */
  readonly path?: string;
}

/** Far above what any wait needs. */
const patienceMs = 10_000;

/** In place of a test that cleans up: whoever opens a client ends it. */
export const endsItself: Cleanup = { after: () => undefined };

export type OpenClient = ReturnType<typeof openClient>;
export type Client = Awaited<ReturnType<typeof connectClient>>;

/** @param target a port of this machine, or a whole URL. It is not connected yet, and perhaps never will be. */
export function openClient(test: Cleanup, target: number | string, options: OpenOptions = {}) {
  const { path = `/app/${app.key}`, ...rest } = options;
  const url = typeof target === "number" ? `ws://127.0.0.1:${target}${path}` : target;
  const socket = new WebSocket(url, rest);
  test.after(() => socket.terminate());
  const frames: Message[] = [];
  const messages: Message[] = [];
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  let refusedWith = "";
  socket.on("message", (bytes) => {
    const message = decode(String(bytes));
    frames.push(message);
    messages.push(message);
    wake();
  });
  const closed = Promise.withResolvers<Close>();
  let closedWith: Close | undefined;
  socket.on("close", (code, reason) => {
    closedWith = { code, reason: String(reason) };
    closed.resolve(closedWith);
    wake();
  });
  socket.on("error", (error) => (refusedWith ||= error.message));
  const answered = Promise.withResolvers<{ readonly status: number; readonly text: string }>();
  socket.on("unexpected-response", (_request, response) => {
    let text = "";
    response.on("data", (chunk) => (text += String(chunk)));
    response.on("end", () => {
      refusedWith ||= `the handshake was answered ${response.statusCode}`;
      answered.resolve({ status: response.statusCode ?? 0, text });
      socket.terminate();
    });
  });

  /** Resolves once `find` finds something, looked at after each message. @throws with what came, where it can't come any more */
  function first<T>(what: string, find: () => T | undefined, deadlineMs = patienceMs): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const done = (): void => {
      clearTimeout(timer);
      watchers.delete(look);
    };
    const fail = (why: string): void => {
      done();
      const came = frames
        .slice(-20)
        .map(({ text }) => text)
        .join(" ");
      reject(new Error(`${what} did not come ${why}; came: ${came || "nothing"}`));
    };
    const look = (): void => {
      const found = find();
      if (found !== undefined) {
        done();
        resolve(found);
      } else if (closedWith) {
        const { code, reason } = closedWith;
        fail(refusedWith ? `(${refusedWith})` : `before the close with ${code} ${reason}`);
      }
    };
    const timer = setTimeout(() => fail(`within ${deadlineMs} ms`), deadlineMs);
    watchers.add(look);
    look();
    return promise;
  }

  const take = (index: number): Message | undefined =>
    index === -1 ? undefined : messages.splice(index, 1)[0];

  /** The next message of this name (and channel) that was not handed out before. */
  const next = (event: string | readonly string[], channel?: string): Promise<Message> => {
    const names = typeof event === "string" ? [event] : event;
    const what = names.join(" or ") + (channel === undefined ? "" : ` on ${channel}`);
    return first(what, () =>
      take(
        messages.findIndex(
          (message) =>
            names.includes(message.event) && (channel === undefined || message.channel === channel),
        ),
      ),
    );
  };

  const send = (message: object | string): void =>
    socket.send(typeof message === "string" ? message : JSON.stringify(message));
  const say = (event: string, data: unknown = {}, channel?: string): void =>
    send({ event, data, ...(channel !== undefined && { channel }) });

  return {
    socket,
    /** All that came. */
    frames,
    /** What was not handed out yet. */
    messages,
    first,
    next,
    /** The next message, whatever it is: nothing else came before. @throws if it is another */
    async nextIs(event: string): Promise<Message> {
      const message = await first(event, () => take(messages.length === 0 ? -1 : 0));
      if (message.event !== event) throw new Error(`${message.text} came before ${event}`);
      return message;
    },
    /** An object goes as JSON, a string as it is. */
    send,
    say,
    /** Resolves with the answer: succeeded or not. */
    ask(channel: string, proof: object = {}): Promise<Message> {
      say("pusher:subscribe", { channel, ...proof });
      return next(["pusher_internal:subscription_succeeded", "pusher:subscription_error"], channel);
    },
    /** As `ask`. @throws if it is refused */
    async join(channel: string, proof: object = {}): Promise<Message> {
      const answer = await this.ask(channel, proof);
      if (answer.event === "pusher:subscription_error") throw new Error(answer.text);
      return answer;
    },
    /** The status of a refusal; 200 if it succeeded. */
    async subscribe(channel: string, proof: object = {}): Promise<number> {
      const { event, data } = await this.ask(channel, proof);
      return event === "pusher:subscription_error" ? Number(Object(data).status) : 200;
    },
    /** The code of the next `pusher:error`. */
    async error(): Promise<number> {
      return Number(Object((await next("pusher:error")).data).code);
    },
    /** The answer of a handshake that was refused in HTTP. */
    answered: answered.promise,
    /** Resolves with the close code. */
    closed: async (): Promise<number> => (await closed.promise).code,
    close: closed.promise,
    /** A ping and its pong: what was sent before is here now. */
    async roundTrip(): Promise<void> {
      say("pusher:ping");
      await next("pusher:pong");
    },
    terminate: () => socket.terminate(),
  };
}

/** As `openClient`, of the app's own page unless its headers say otherwise; resolves when it is established. */
export async function connectClient(
  test: Cleanup,
  target: number | string,
  headers: Readonly<Record<string, string>> = {},
  options: Omit<OpenOptions, "headers"> = {},
) {
  const origin = typeof target === "number" ? { Origin: `http://127.0.0.1:${target}` } : {};
  const client = openClient(test, target, { ...options, headers: { ...origin, ...headers } });
  const { data } = await client.next("pusher:connection_established");
  const established = Object(data) as { socket_id: string; activity_timeout: number };
  return { ...client, established, socketId: established.socket_id };
}

function decode(text: string): Message {
  const message = JSON.parse(text) as { event: string; channel?: string; data?: unknown };
  const { data } = message;
  return { ...message, data: typeof data === "string" ? decodeData(data) : data, text };
}

function decodeData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
