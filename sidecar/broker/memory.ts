/** The broker of a single node: what is published is delivered here, at once. */

import type { Broker, ChannelEvent } from "../core/ports.ts";

export function createMemoryBroker(options: { deliver: (event: ChannelEvent) => void }): Broker {
  return {
    publish(events) {
      for (const event of events) options.deliver(event);
      return Promise.resolve({ ok: true });
    },
    relay() {
      // There is no other node.
    },
    close: () => Promise.resolve(),
  };
}
