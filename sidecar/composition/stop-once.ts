/** A stop that is asked for several times and happens once. */

export interface Stop {
  /**
   * Resolves when all is closed; called again it returns the same promise.
   *
   * @param skipsDelay drains at once, for there is no load balancer to see that the node is not ready.
   */
  stop(options?: { skipsDelay: boolean }): Promise<void>;
  /** Resolves when all is closed, whoever asked for it. */
  readonly stopped: Promise<void>;
}

export function stopOnce(run: (skipsDelay: boolean) => Promise<void>): Stop {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  return {
    stop({ skipsDelay } = { skipsDelay: false }) {
      if (!isStopping) resolve(run(skipsDelay));
      isStopping = true;
      return stopped;
    },
    stopped,
  };
}
