/** `env`: the `.env` block that Laravel, the pages' build and the sidecar share, printed or added to the file. */

import { writeFileSync } from "node:fs";
import { formatErrors, loadConfig, type Config } from "../config.ts";
import { quote } from "../config/errors.ts";
import { parseDotenv } from "../config/sources/dotenv.ts";
import { readText } from "../config/sources/file.ts";
import { readFlags } from "../config/sources/flags.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { makeCredentials, toDotEnv } from "./credentials.ts";
import { echoBlock } from "./echo-block.ts";
import { lacksPusherPackage, requirePusherPackage } from "./pusher-package.ts";
import { errorCode } from "../http/error-code.ts";

type WriteFile = (path: string, text: string) => void;

/**
 * Prints what the `.env` lacks, credentials made up where it has none; with `--write` adds it there. What the file has
 * stays, but for a `BROADCAST_CONNECTION` that broadcasts nowhere. Then says what the app lacks beside it: the package
 * that it publishes with, and what Echo needs.
 */
export function env(context: CommandContext, writeFile: WriteFile = writeFileSync): number {
  const isWriting = context.argv.includes("--write");
  const argv = context.argv.filter((argument) => argument !== "--write");
  const path = readFlags(argv).envFiles.at(-1) ?? context.envFile ?? ".env";
  const read = readText(path, context.readFile);
  if (!read.ok && !read.isMissing) return fail(path, read.message, context);
  const content = read.ok ? read.text : null;
  const block = makeBlock({ ...context, argv: content === null ? argv : naming(argv, path) });
  if (!block.ok) {
    context.complain(block.errors);
    return exitCodes.configuration;
  }
  const advice = advisePackage(context) + adviseEcho(block.path, context);
  const job = { path, content: content ?? "", lines: block.lines, advice };
  return isWriting ? add(job, context, writeFile) : show(job, context);
}

interface Job {
  readonly path: string;
  /** Of the file; empty where there is none. */
  readonly content: string;
  /** Of the whole block. */
  readonly lines: readonly string[];
  readonly advice: string;
}

/** Prints what is lacking, a connection that broadcasts nowhere among it. */
function show({ path, content, lines, advice }: Job, context: CommandContext): number {
  const present = new Set(namesIn(content));
  if (silentConnection.test(content)) present.delete(connection);
  const lacking = lackingOf(lines, present);
  context.print(lacking === "" ? "" : `${lacking}\n`);
  // Not to standard output, which may go into the file.
  context.complain(lacking === "" ? `${path} lacks nothing.\n${advice}` : advice);
  return exitCodes.ok;
}

/** Adds what is lacking behind what the file has, where a connection that broadcasts nowhere is replaced. */
function add(
  { path, content, lines, advice }: Job,
  context: CommandContext,
  writeFile: WriteFile,
): number {
  const isSilent = silentConnection.test(content);
  const lacking = lackingOf(lines, namesIn(content));
  const kept = content.replace(silentConnection, `${connection}=reverb`);
  const separator = kept === "" ? "" : kept.endsWith("\n") ? "\n" : "\n\n";
  const names = [...namesIn(lacking)];
  if (names.length > 0 || isSilent) {
    try {
      writeFile(path, lacking === "" ? kept : `${kept}${separator}${lacking}\n`);
    } catch (error) {
      return fail(path, explainWrite(error), context);
    }
  }
  context.print(describe(path, names, isSilent) + advice);
  return exitCodes.ok;
}

/** Lines whose names are not present; a comment goes with the line below it. */
function lackingOf(lines: readonly string[], present: ReadonlySet<string>): string {
  const isLacking = (line = ""): boolean => {
    const [, name] = /^(\w+)=/.exec(line) ?? [];
    return name === undefined || !present.has(name);
  };
  const lacking = lines.filter((line, index) =>
    isLacking(line.startsWith("#") ? lines[index + 1] : line),
  );
  return withoutLooseEnds(lacking);
}

function fail(path: string, message: string, context: CommandContext): number {
  context.complain(formatErrors([{ kind: "file", name: quote(path), message }]));
  return exitCodes.configuration;
}

const writeFaults: ReadonlyMap<string, string> = new Map([
  ["EACCES", "this user may not write it"],
  ["ENOENT", "there is no such folder"],
  ["EROFS", "its file system is read-only"],
]);

function explainWrite(error: unknown): string {
  const code = errorCode(error) ?? "unknown error";
  return `it can't be written: ${writeFaults.get(code) ?? code}.`;
}

/** Empty where the app has what it publishes with, or nobody can say. */
function advisePackage(context: CommandContext): string {
  return lacksPusherPackage((path) => readIfThere(path, context))
    ? `\nLaravel lacks what it publishes with: ${requirePusherPackage}\n`
    : "";
}

const echoFiles = ["resources/js/echo.js", "resources/js/echo.ts", "resources/js/bootstrap.js"];

/** Empty where a page takes the address from its own already. */
function adviseEcho(path: string, context: CommandContext): string {
  const texts = echoFiles.map((file) => readIfThere(file, context) ?? "");
  if (texts.some((text) => text.includes("location.hostname"))) return "";
  return `\nEcho (${echoFiles[0]}) takes the address from the page, so that one build runs everywhere:\n\n${echoBlock(path)}\n`;
}

const connection = "BROADCAST_CONNECTION";

/** As Laravel's own `.env` has it: events go to the log, or nowhere. */
const silentConnection = /^BROADCAST_CONNECTION=(log|null|"log"|"null"|)[ \t]*$/m;

function makeBlock(
  context: CommandContext,
): { ok: true; lines: readonly string[]; path: string } | { ok: false; errors: string } {
  const given = loadConfig(context);
  if (given.ok) return toBlock(given.config);
  const missing = new Set(
    given.errors.flatMap(({ kind, name }) => (kind === "missing" ? [name] : [])),
  );
  const madeUp = Object.entries(makeCredentials()).filter(([name]) => missing.has(name));
  const loaded = loadConfig({ ...context, env: { ...context.env, ...Object.fromEntries(madeUp) } });
  return loaded.ok ? toBlock(loaded.config) : { ok: false, errors: formatErrors(loaded.errors) };
}

function toBlock(config: Config): { ok: true; lines: readonly string[]; path: string } {
  return { ok: true, lines: toDotEnv(config).split("\n"), path: config.server.pathPrefix };
}

/** The file is read whatever it has: it is the one that is meant. */
function naming(argv: readonly string[], path: string): readonly string[] {
  const { envFiles, texts } = readFlags(argv);
  return envFiles.length > 0 || texts.has("no_env_file") ? argv : [...argv, `--env-file=${path}`];
}

function readIfThere(path: string, { readFile }: CommandContext): string | null {
  try {
    return readFile(path);
  } catch {
    return null;
  }
}

function namesIn(content: string): ReadonlySet<string> {
  const parsed = parseDotenv(content);
  return new Set(parsed.ok ? parsed.entries.map(({ name }) => name) : []);
}

/** Without empty lines at either end, or two of them where a group is left out. */
function withoutLooseEnds(lines: readonly string[]): string {
  return lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

function describe(path: string, names: readonly string[], isSilent: boolean): string {
  const changed = isSilent ? [`${path}: ${connection} is reverb now.`] : [];
  const added = names.length > 0 ? [`Added to ${path}: ${names.join(", ")}.`] : [];
  const lines = [...changed, ...added];
  return `${lines.length > 0 ? lines.join("\n") : `${path} lacks nothing.`}\n`;
}
