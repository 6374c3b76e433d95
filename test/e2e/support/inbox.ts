import { within } from "../../../sidecar/testing/eventually.ts";
// Takes what callbacks are given, and hands it out once each, in order, to a test that waits for it.

export interface Inbox<T> {
  /** Everything so far. */
  readonly all: readonly T[];
  /** The callback. */
  readonly take: (item: T) => void;
  /** The oldest that was not handed out. @throws after 5 s without one */
  next(): Promise<T>;
}

/** @param what is waited for, for the message when it does not come */
export function inbox<T>(what: string): Inbox<T> {
  const all: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  let handedOut = 0;
  return {
    all,
    take: (item) => {
      all.push(item);
      const waiter = waiting.shift();
      if (waiter === undefined) return;
      handedOut += 1;
      waiter(item);
    },
    next: async () => {
      if (handedOut < all.length) return all[handedOut++] as T;
      const { promise, resolve } = Promise.withResolvers<T>();
      waiting.push(resolve);
      return await within(what, promise).finally(() => {
        if (waiting.includes(resolve)) waiting.splice(waiting.indexOf(resolve), 1);
      });
    },
  };
}
