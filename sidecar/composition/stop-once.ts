/** A stop that may be requested several times and runs once. */

export interface StopOptions {
  /** Drains at once, for there is no load balancer to see that the node is not ready. @default false */
  readonly skipsDelay?: boolean;
  /** It is one of several workers, and the others go on. @default false */
  readonly isReplaced?: boolean;
}

export interface Stop {
  /** Resolves when all is closed; called again it returns the same promise. */
  stop(options?: StopOptions): Promise<void>;
  /** Resolves when all is closed, whoever asked for it. */
  readonly stopped: Promise<void>;
}

export function stopOnce(run: (options: StopOptions) => Promise<void>): Stop {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  return {
    stop(options = {}) {
      if (!isStopping) resolve(run(options));
      isStopping = true;
      return stopped;
    },
    stopped,
  };
}
