/** What docs/migrating.md tells its reader to write: environments and an Echo, taken from the page as it is printed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { repository } from "../../kit/process.ts";

export type Env = Readonly<Record<string, string>>;

/** A row of a table: what was there, and what takes its place. */
export interface Row {
  readonly before: Env;
  readonly after: Env;
}

export const page = readFileSync(join(repository, "docs/migrating.md"), "utf8");

/** The part below `## heading`. */
export function section(heading: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `docs/migrating.md has "## ${heading}"`);
  return found;
}

/** Of the rows that have `NAME=value` on both sides. */
export function rowsOf(text: string): readonly Row[] {
  return text
    .split("\n")
    .filter((line) => /^ *\|.*=.*\|/.test(line))
    .map((line) => {
      const [, before = "", after = ""] = line.split("|");
      return { before: assignmentsIn(before), after: assignmentsIn(after) };
    });
}

/** Those of a table's right column, all together. */
export function tableEnv(text: string): Env {
  return Object.assign({}, ...rowsOf(text).map(({ after }) => after));
}

/** The `dotenv` blocks, `${NAME}` in them replaced as Laravel and Vite do. */
export function dotenvBlocks(text: string): readonly Env[] {
  return blocks(text, "dotenv").map((block) => {
    const env: Record<string, string> = {};
    for (const [name, value = ""] of Object.entries(parseEnv(block))) {
      env[name] = value.replaceAll(/\$\{(\w+)\}/g, (_, other: string) => env[other] ?? "");
    }
    return env;
  });
}

/** What the `js` block makes, with the names it uses as arguments. */
export async function echoOf(
  text: string,
): Promise<(Echo: unknown, env: Env, window?: object) => unknown> {
  const [code = ""] = blocks(text, "js");
  const expression = code.trim().replace(/;$/, "").replaceAll("import.meta.env", "env");
  const source = `export default (Echo, env, window = {}) => (${expression});`;
  const module: {
    default: (Echo: unknown, env: Env, window?: object) => unknown;
  } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  return module.default;
}

function blocks(text: string, language: string): readonly string[] {
  const found = text.matchAll(new RegExp(`^ *\`\`\`${language}\n([^]*?)^ *\`\`\``, "gm"));
  return [...found].map(([, block = ""]) => block.replaceAll(/^ {3}/gm, ""));
}

/** `NAME=value` in code marks. */
function assignmentsIn(cell: string): Env {
  return Object.fromEntries(
    [...cell.matchAll(/`([A-Z_]+)=([^`]*)`/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}
