/** `help` and `--help`: one screen with the commands and the most used options; or one command, one option, all options. */

import { nearest } from "../config/nearest.ts";
import { fallbackText, type Option } from "../config/table/option.ts";
import { table } from "../config/table/table.ts";
import { commands, isCommand, type CommandName, type CommandRow } from "./commands.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import {
  describeAll,
  describeFully,
  describeShortly,
  entryNames,
  findEntries,
  keyOf,
  plain,
} from "./option-help.ts";
import { inColumns, wrap } from "./wrap.ts";

/** The most used options, in a few words. */
const essentials: readonly (readonly [Option<unknown>, string])[] = [
  [table.upstream.address, "where the PHP app listens"],
  [table.server.port, "pages, WebSockets and HTTP API"],
  [table.server.host, "address to listen on"],
  [table.app.allowedOrigins, "pages that may connect"],
  [table.forwarding.trustedProxies, "proxies in front whose X-Forwarded-* are believed"],
  [table.redis.url, "the Redis that joins several nodes"],
  [table.workers.count, "processes, or auto: one for each core; need Redis"],
  [table.recovery.stateDirectory, "keeps what clients miss over a restart of a single node"],
  [table.admin.port, "console, metrics and probes"],
  [table.log.level, "minimum level to log"],
];

const docs = "https://github.com/pogo-sidecar/pogo-sidecar/blob/main/docs";

const precedence =
  "Every option is a flag (--port), a variable (POGO_PORT) and a key of the config file (port). Flags win over the environment, the environment over .env files, these over the config file. Durations are written 54s, 1500ms, 2m.";

/** @param columns of the terminal, at which lines end, and at 100; undefined or 0 (nobody knows): 80 */
export function help({ argv, print, complain }: CommandContext, columns?: number): number {
  const width = Math.max(40, Math.min(columns || 80, 100));
  const topic = argv.find((argument) => argument !== "--all");
  if (argv.includes("--all")) print(`${describeAll(width)}\n`);
  else if (topic === undefined) print(`${overview(width)}\n`);
  else if (isCommand(topic)) print(`${describeCommand(topic, width)}\n`);
  else return describeOptions(topic, width, { print, complain });
  return exitCodes.ok;
}

/** What was typed is repeated only where it is a word, since it may be a secret that was pasted. */
export function explainUnknownCommand(typed: string): string {
  const meant = nearest(typed, Object.keys(commands));
  const what = /^[a-z-]{1,15}$/i.test(typed) ? `no command "${typed}"` : "no such command";
  return meant === undefined
    ? `There is ${what}. The commands are ${Object.keys(commands).join(", ")}.\n`
    : `There is ${what}; did you mean pogo-sidecar ${meant}?\n`;
}

function overview(width: number): string {
  return [
    wrap("Pogo Sidecar: one port in front of a Laravel app, with the Pusher protocol.", width),
    "",
    "Usage: pogo-sidecar [command] [flags]",
    "",
    "Commands:",
    inColumns(
      Object.entries(commands).map(([name, { summary }]) => [name, plain(summary)]),
      width,
    ),
    "",
    "Most used options, with their defaults:",
    inColumns(
      [
        ["--env-file", "an .env file to read (that of the working directory)"],
        ["--config", "a JSON file of options, or of several apps"],
        ...essentials.map(([option, text]) => [option.flag, text + defaultOf(option)] as const),
      ],
      width,
    ),
    "",
    wrap(precedence, width),
    "",
    "More:",
    inColumns(
      [
        ["pogo-sidecar help hold", "a command, its flags and exit codes"],
        ["pogo-sidecar help port", "an option in full"],
        ["pogo-sidecar help redis", "the options with a word in their name"],
        ["pogo-sidecar help --all", "every option"],
      ],
      width,
    ),
    `  ${docs}`,
  ].join("\n");
}

function defaultOf(option: Option<unknown>): string {
  const text = fallbackText(option);
  return text === "" || text === "none" ? "" : ` (${text})`;
}

function describeCommand(name: CommandName, width: number): string {
  const { summary, details, flags, exitCodes, page }: CommandRow = commands[name];
  const own = Object.entries(flags);
  return [
    wrap(`pogo-sidecar ${name}: ${plain(summary)}`, width),
    "",
    wrap(plain(details), width),
    ...(own.length === 0
      ? []
      : [
          "",
          inColumns(
            own.map(([flag, text]) => [flag, plain(text)]),
            width,
          ),
        ]),
    "",
    wrap(`Exit codes: ${exitCodes}.`, width),
    ...(page === undefined ? [] : [`${docs}/${page}`]),
  ].join("\n");
}

function describeOptions(
  topic: string,
  width: number,
  { print, complain }: Pick<CommandContext, "print" | "complain">,
): number {
  const [first, ...others] = findEntries(topic);
  if (first) {
    const text =
      others.length === 0
        ? describeFully(first, width)
        : describeShortly([first, ...others], width);
    print(`${text}\n`);
    return exitCodes.ok;
  }
  const name = keyOf(topic).replaceAll("_", "-");
  const meant = nearest(name, [...Object.keys(commands), ...entryNames]);
  const hint =
    meant === undefined
      ? "pogo-sidecar help --all lists all options."
      : `did you mean pogo-sidecar help ${meant}?`;
  complain(`There is no such command or option; ${hint}\n`);
  return exitCodes.usage;
}
