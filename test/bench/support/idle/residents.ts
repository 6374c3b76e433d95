/** A process with clients that subscribe and then say nothing. */

import { loopbackAddress, openClient } from "../client.ts";
import { connectAll } from "../subscribers.ts";
import type { Target } from "../target.ts";
import { runWorker } from "../worker.ts";

export interface ResidentsInput {
  readonly target: Target;
  readonly channels: readonly string[];
  readonly clients: number;
  /** Number of the process. */
  readonly index: number;
}

export interface ResidentsResult {
  /** Closed by the server. */
  readonly gone: number;
}

await runWorker<ResidentsResult>(async (text) => {
  const { target, channels, clients, index }: ResidentsInput = JSON.parse(text);
  let gone = 0;
  const connected = await connectAll(
    Array.from(
      { length: clients },
      () => (done) =>
        openClient({
          target,
          localAddress: loopbackAddress(index),
          isDeflated: false,
          channels,
          onEvent: () => undefined,
          onSubscribed: done.onSubscribed,
          onGone(reason) {
            gone += 1;
            done.onGone(reason);
          },
        }),
    ),
  );
  return {
    begin: () => undefined,
    end() {
      connected.close();
      return Promise.resolve({ gone });
    },
  };
});
