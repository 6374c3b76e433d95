/** The commands that people type: what `help`, docs/configuration.md and the hints about misspelt ones say of them. */

export interface CommandRow {
  /** One line of a list, without its full stop. */
  readonly summary: string;
  /** What else there is to know, in whole sentences. */
  readonly details: string;
  /** Its own flags, beside the options of the sidecar: `--for <duration>`. */
  readonly flags: Readonly<Record<`--${string}`, string>>;
  readonly exitCodes: string;
  /** Where there is more, in docs/. */
  readonly page?: string;
}

const exitCodesOfRequest =
  "0; 1 if it was not done; 64 for an argument that it does not take; 78 if the address of the admin port is wrong";

export const commands = {
  start: {
    summary: "run the sidecar (the default command)",
    details:
      "SIGTERM or SIGINT stops it in order, a second signal at once. In a terminal and without any credentials it makes some up for this run and prints the `.env` block for Laravel.",
    flags: {},
    exitCodes: "0; 1 if it could not start or met a bug; 78 if the configuration is wrong",
  },
  check: {
    summary: "print the effective configuration, or what is wrong with it",
    details: "Each value is shown with where it came from; secrets are hidden. Nothing is started.",
    flags: {},
    exitCodes: "0; 78 if the configuration is wrong",
  },
  doctor: {
    summary: "check for common problems, from the .env to a WebSocket",
    details:
      "In the order in which the checks depend on each other. Each line says what was found, and what fixes it.",
    flags: {
      "--url <url>": "The address that browsers use, where it is not that of REVERB_HOST.",
      "--cookie <cookie>":
        "Repeat an authorization with these cookies of a page; with `--channel`.",
      "--channel <name>": "The channel to authorize.",
      "--json": "Print the findings as JSON, for programs.",
    },
    exitCodes:
      "0; 1 if something is wrong; 64 if a flag has no value that it takes; 78 if the configuration is wrong",
    page: "troubleshooting.md",
  },
  env: {
    summary: "print what the app's .env lacks, with fresh credentials",
    details:
      "The block is for Laravel, the pages' build and the sidecar; credentials are made up only where the file (that of `--env-file`, else `.env`) has none.",
    flags: {
      "--write":
        "Add it to the file, which keeps what it has; only a `BROADCAST_CONNECTION` that is `log` or `null` becomes `reverb`.",
    },
    exitCodes: "0; 78 if the configuration is wrong, or the file can't be read or written",
    page: "laravel.md",
  },
  hold: {
    summary: "have a running sidecar keep new requests waiting",
    details:
      "For steps of a deployment in which nobody should be served. Requests under way go on, and so do WebSockets. It asks the admin port: give it the environment, flags and files of `start`.",
    flags: { "--for <duration>": "For how long: `30s` unless it is given, `2m` at most." },
    exitCodes: exitCodesOfRequest,
    page: "deploys.md#steps-in-which-nobody-should-be-served",
  },
  release: {
    summary: "let requests go on before the time of `hold` is over",
    details: "It asks the admin port, as `hold` does.",
    flags: {},
    exitCodes: exitCodesOfRequest,
    page: "deploys.md#steps-in-which-nobody-should-be-served",
  },
  drain: {
    summary: "have a running sidecar stop in order, as SIGTERM does",
    details: "It asks the admin port, as `hold` does.",
    flags: {},
    exitCodes: exitCodesOfRequest,
    page: "operations.md#a-stop",
  },
  healthcheck: {
    summary: "ask whether the sidecar on this machine is alive",
    details:
      "It asks `/livez` on the admin port, for at most 1.5 s, and prints one line. A node that drains is alive; whether it wants traffic is `/readyz`. Give it the environment, flags and files of `start`.",
    flags: {},
    exitCodes: "0; 1 if it is not alive, or its address is wrong",
  },
  version: {
    summary: "print the version",
    details: "`--version` and `-v` do the same.",
    flags: {},
    exitCodes: "0",
  },
  help: {
    summary: "print the commands and the most used options",
    details:
      "`help hold` explains a command, `help port` (or `--port`, `POGO_PORT`) an option, and `help redis` lists the options with that word in their name. `--help` and `-h` do the same; behind a command they explain it.",
    flags: { "--all": "List every option." },
    exitCodes: "0; 64 if there is no such command or option",
  },
} as const satisfies Readonly<Record<string, CommandRow>>;

export type CommandName = keyof typeof commands;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/** The names of its own flags, without dashes. */
export function flagsOf(command: CommandName): readonly string[] {
  return Object.keys(commands[command].flags).map((usage) => /\w+/.exec(usage)?.[0] ?? "");
}
