/** `env`: the `.env` block that Laravel, the pages' build and the sidecar share, printed or added to the file. */

import { writeFileSync } from "node:fs";
import { formatErrors, loadConfig } from "../config.ts";
import { parseDotenv } from "../config/sources/dotenv.ts";
import { readFlags } from "../config/sources/flags.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { makeCredentials, toDotEnv } from "./credentials.ts";

type WriteFile = (path: string, text: string) => void;

/**
 * Prints what the `.env` lacks, credentials made up where it has none; with `--write` adds it there. What the file has
 * stays, but for a `BROADCAST_CONNECTION` that broadcasts nowhere.
 */
export function env(context: CommandContext, writeFile: WriteFile = writeFileSync): number {
  const isWriting = context.argv.includes("--write");
  const argv = context.argv.filter((argument) => argument !== "--write");
  const path = readFlags(argv).envFiles.at(-1) ?? context.envFile ?? ".env";
  const content = readIfThere(path, context);
  const present = namesIn(content ?? "");
  const block = makeBlock({ ...context, argv: content === null ? argv : naming(argv, path) });
  if (!block.ok) {
    context.complain(block.errors);
    return exitCodes.configuration;
  }
  const isSilent = silentConnection.test(content ?? "");
  const lacking = block.lines.filter((line) => {
    const [, name] = /^(\w+)=/.exec(line) ?? [];
    return (
      name === undefined || !present.has(name) || (name === connection && isSilent && !isWriting)
    );
  });
  const added = withoutLooseEnds(lacking);
  if (!isWriting) {
    context.print(added === "" ? "" : `${added}\n`);
    if (added === "") context.complain(`${path} lacks nothing.\n`);
    return exitCodes.ok;
  }
  const kept = (content ?? "").replace(silentConnection, `${connection}=reverb`);
  const separator = kept === "" ? "" : kept.endsWith("\n") ? "\n" : "\n\n";
  const names = [...namesIn(added)];
  if (names.length > 0 || isSilent) {
    writeFile(path, added === "" ? kept : `${kept}${separator}${added}\n`);
  }
  context.print(describe(path, names, isSilent));
  return exitCodes.ok;
}

const connection = "BROADCAST_CONNECTION";

/** As Laravel's own `.env` has it: events go to the log, or nowhere. */
const silentConnection = /^BROADCAST_CONNECTION=(log|null|"log"|"null"|)[ \t]*$/m;

function makeBlock(
  context: CommandContext,
): { ok: true; lines: readonly string[] } | { ok: false; errors: string } {
  const given = loadConfig(context);
  if (given.ok) return { ok: true, lines: toDotEnv(given.config).split("\n") };
  const missing = new Set(
    given.errors.flatMap(({ kind, name }) => (kind === "missing" ? [name] : [])),
  );
  const madeUp = Object.entries(makeCredentials()).filter(([name]) => missing.has(name));
  const loaded = loadConfig({ ...context, env: { ...context.env, ...Object.fromEntries(madeUp) } });
  return loaded.ok
    ? { ok: true, lines: toDotEnv(loaded.config).split("\n") }
    : { ok: false, errors: formatErrors(loaded.errors) };
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
