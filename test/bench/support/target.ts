/** The server that is measured, on 127.0.0.1: one of the Pusher protocol, ours or another. */

export interface Target {
  readonly port: number;
  readonly app: { readonly id: string; readonly key: string; readonly secret: string };
  /** Probed as an orchestrator does; null: there is none. */
  readonly healthUrl: string | null;
  /** Of the server's process; null: its memory is not known. */
  readonly pid: number | null;
}
