#!/usr/bin/env node
/** The command line: which command runs, with what it may touch of the process, and how the process ends. */

import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { exitCodes, type CommandContext } from "./cli/command.ts";
import { flagsOf, isCommand, type CommandName } from "./cli/commands.ts";
import { explainNode } from "./cli/node-version.ts";
import { limitYoungGeneration } from "./cli/young-generation.ts";

const [first = "start", ...rest] = process.argv.slice(2);
// Flags alone are those of `start`.
const [named, argv] = first.startsWith("-") ? [null, [first, ...rest]] : [first, rest];
const command = named ?? "start";

const context: CommandContext = {
  argv,
  ownFlags: isCommand(command) ? flagsOf(command) : [],
  env: process.env,
  readFile: (path) => readFileSync(path, "utf8"),
  envFile: ".env",
  isTerminal: isatty(0) && isatty(1),
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
};

/** Each loads only what it needs: `healthcheck` runs every few seconds. */
const runs: Readonly<Record<CommandName | "worker", () => Promise<number>>> = {
  start: async () => {
    limitYoungGeneration();
    return (await import("./cli/start.ts")).start(context);
  },
  check: async () => (await import("./cli/check.ts")).check(context),
  doctor: async () => (await import("./cli/doctor.ts")).doctor(context),
  hold: async () => (await import("./cli/admin-action.ts")).askFor("hold", context),
  release: async () => (await import("./cli/admin-action.ts")).askFor("release", context),
  drain: async () => (await import("./cli/admin-action.ts")).askFor("drain", context),
  healthcheck: async () => (await import("./cli/healthcheck.ts")).healthcheck(context),
  version: async () => (await import("./cli/version.ts")).printVersion(context),
  env: async () => (await import("./cli/env.ts")).env(context),
  help: () => help(argv),
  // Not for people: a supervisor starts its workers with it.
  worker: async () => {
    limitYoungGeneration();
    return (await import("./cli/worker.ts")).work(context);
  },
};

process.exitCode = await run();

async function run(): Promise<number> {
  const unfit = explainNode(process.version, process.execPath);
  if (unfit !== null) {
    context.complain(unfit);
    return exitCodes.configuration;
  }
  if (indexOf("--version", "-v") >= 0) return runs.version();
  const asked = indexOf("--help", "-h");
  if (asked >= 0) return await help(named === null ? argv.slice(asked + 1) : [named]);
  if (isCommand(command) || command === "worker") return await runs[command]();
  context.complain((await import("./cli/help.ts")).explainUnknownCommand(command));
  return exitCodes.usage;
}

function indexOf(...flags: string[]): number {
  return argv.findIndex((argument) => flags.includes(argument));
}

/** @param topics what it is asked about: `--help port`, `check --help` */
async function help(topics: readonly string[]): Promise<number> {
  const { help: print } = await import("./cli/help.ts");
  return print({ ...context, argv: topics }, process.stdout.columns);
}
