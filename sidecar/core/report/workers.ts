/** What happens to the workers of a sidecar that has several. */

export interface WorkerEvents {
  /** All workers have their port open. */
  workers_listening: { workers: number; port: number; adminPort: number };
  /** A worker ended while the sidecar was to go on; another one takes its place. */
  worker_exited: {
    /** Its number, from 1. */
    worker: number;
    /** Null: a signal ended it, or the system did not start it. */
    code: number | null;
    signal: string | null;
    /** Why the system did not start it, such as ENOMEM. */
    error: string | null;
    uptimeMs: number;
    /** It had not opened its port in time, and was killed for that. */
    hasTimedOut: boolean;
    restartInMs: number;
  };
  /** A stop was asked for, a worker had not ended in time, and was killed. */
  worker_stop_timed_out: { worker: number; timeoutMs: number };
}
