#!/usr/bin/env node
/** The command line: which command runs, with what it may touch of the process, and how the process ends. */

import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { exitCodes, type CommandContext } from "./cli/command.ts";
import { explainNode } from "./cli/node-version.ts";
import { limitYoungGeneration } from "./cli/young-generation.ts";

const [first = "start", ...rest] = process.argv.slice(2);
// Flags alone are those of `start`.
const [command, argv] = first.startsWith("-") ? ["start", [first, ...rest]] : [first, rest];

const context: CommandContext = {
  argv,
  env: process.env,
  readFile: (path) => readFileSync(path, "utf8"),
  envFile: ".env",
  isTerminal: isatty(0) && isatty(1),
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
};

/** Each loads only what it needs: `healthcheck` runs every few seconds. */
const commands: Readonly<Record<string, () => Promise<number>>> = {
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
  worker: async () => {
    limitYoungGeneration();
    return (await import("./cli/worker.ts")).work(context);
  },
  help: async () => (await import("./cli/help.ts")).help(context),
};

/** Those that people type: a worker's is typed by its supervisor. */
const typed = Object.keys(commands).filter((name) => name !== "worker");

process.exitCode = await run();

async function run(): Promise<number> {
  const unfit = explainNode(process.version, process.execPath);
  if (unfit !== null) {
    context.complain(unfit);
    return exitCodes.configuration;
  }
  const wanted = isAskedFor("--help", "-h") ? "help" : command;
  const chosen = isAskedFor("--version", "-v") ? "version" : wanted;
  if (Object.hasOwn(commands, chosen)) return (await commands[chosen]?.()) ?? exitCodes.failure;
  context.complain(`There is no command ${JSON.stringify(command)}: ${typed.join(", ")} are.\n`);
  return exitCodes.usage;
}

function isAskedFor(...flags: string[]): boolean {
  return argv.some((argument) => flags.includes(argument));
}
