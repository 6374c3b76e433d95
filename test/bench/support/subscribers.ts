/** Subscribers of a few nodes, brought in without haste: the measuring begins when all of them are there. */

import { openClient, type Client } from "./client.ts";
import { payloadOf } from "./server-frames.ts";

export interface SubscribersOptions {
  /** Of the nodes on 127.0.0.1; they are gone through in turn. */
  readonly ports: readonly number[];
  readonly appKey: string;
  /** Each gets as many subscribers, spread over all nodes. */
  readonly channels: readonly string[];
  readonly subscribersPerChannel: number;
  /** For the payload of every frame that is an event; valid during the call only. */
  readonly onEvent: (payload: Buffer) => void;
}

export interface Subscribers {
  close(): void;
}

/** So many at a time, so that nobody's accept queue overflows. */
const connectingAtOnce = 50;
const subscribedWithinMs = 10_000;

/** Resolves once all of them are subscribed. */
export async function connectSubscribers(options: SubscribersOptions): Promise<Subscribers> {
  const { ports, channels, subscribersPerChannel } = options;
  const wanted = Array.from({ length: subscribersPerChannel }, (_, round) =>
    channels.map((channel, index) => ({ channel, port: ports[(index + round) % ports.length] })),
  ).flat();
  return connectAll(
    wanted.map(
      ({ channel, port }) =>
        (done) =>
          openClient({
            target: {
              port: Number(port),
              app: { id: "", key: options.appKey, secret: "" },
              healthUrl: null,
              pid: null,
            },
            localAddress: null,
            isDeflated: false,
            channels: [channel],
            onEvent: (frame) => options.onEvent(payloadOf(frame)),
            ...done,
          }),
    ),
  );
}

/** Opens them a few at a time; resolves once the last one is subscribed. */
export async function connectAll(
  open: readonly ((
    done: Pick<Parameters<typeof openClient>[0], "onSubscribed" | "onGone">,
  ) => Client)[],
): Promise<Subscribers> {
  const clients: Client[] = [];
  const close = (): void => {
    for (const client of clients) client.close();
  };
  try {
    for (let i = 0; i < open.length; i += connectingAtOnce) {
      await Promise.all(open.slice(i, i + connectingAtOnce).map(connectOne));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };

  async function connectOne(openOne: (typeof open)[number]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (reason: string): void => reject(new Error(reason));
    const timer = setTimeout(() => fail("not subscribed in time"), subscribedWithinMs);
    clients.push(openOne({ onSubscribed: () => resolve(), onGone: fail }));
    await promise.finally(() => clearTimeout(timer));
  }
}
