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
    restartInMs: number;
  };
}
