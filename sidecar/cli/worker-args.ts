/** The arguments with which a supervisor starts a worker: its number, then those of the supervisor itself. */

export interface WorkerArgs {
  /** Its number, from 1. */
  readonly worker: number;
  /** Its port is a descriptor that it is given, in place of an address. */
  readonly inherits: boolean;
}

const socketWords = { true: "inherits", false: "listens" } as const;

export function workerArgs(
  { worker, inherits }: WorkerArgs,
  argv: readonly string[],
): readonly string[] {
  return ["worker", String(worker), socketWords[`${inherits}`], ...argv];
}

/** Of what comes behind `worker`. */
export function parseWorkerArgs(
  args: readonly string[],
): WorkerArgs & { readonly argv: readonly string[] } {
  const [worker, socket, ...argv] = args;
  return { worker: Number(worker), inherits: socket === socketWords.true, argv };
}
