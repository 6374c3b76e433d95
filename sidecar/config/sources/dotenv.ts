/** The grammar of Laravel's `.env`, as vlucas/phpdotenv 5 reads it: quotes, escapes, comments, values over several lines, `${NAME}`. */

export interface DotenvEntry {
  readonly name: string;
  /** Null: the name stands alone, which takes its value away. */
  readonly value: DotenvValue | null;
}

interface DotenvValue {
  readonly text: string;
  /** Where in `text` a `$` stands that may begin `${NAME}`. */
  readonly variables: readonly number[];
}

/** `line` counts from 1; a fault never quotes what stands there. */
export type ParsedDotenv =
  | { readonly ok: true; readonly entries: readonly DotenvEntry[] }
  | { readonly ok: false; readonly line: number; readonly fault: string };

export function parseDotenv(content: string): ParsedDotenv {
  const entries: DotenvEntry[] = [];
  for (const { text, line } of joinLines(content.split(/\r\n|\n|\r/))) {
    const entry = parseEntry(text);
    if (typeof entry === "string") return { ok: false, line, fault: entry };
    entries.push(entry);
  }
  return { ok: true, entries };
}

/**
 * The values by name, the last of a name alone. `${NAME}` is what `get` knows, else what stands further up; a name that
 * neither has stays as it was written.
 * @param get of the environment, which wins over files
 * @param above of files that were read before; the result has them too
 */
export function resolveDotenv(
  entries: readonly DotenvEntry[],
  get: (name: string) => string | undefined,
  above: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const values = new Map(above);
  const known = (name: string): string | undefined => get(name) ?? values.get(name);
  for (const { name, value } of entries) {
    if (value === null) values.delete(name);
    else values.set(name, resolve(value, known));
  }
  return values;
}

function resolve(
  { text, variables }: DotenvValue,
  get: (name: string) => string | undefined,
): string {
  // From the last to the first, so that one may stand within another.
  let [tail, end] = ["", text.length];
  for (const start of variables.toReversed()) {
    tail = (text.slice(start, end) + tail).replace(
      /^\$\{([\w.]+)\}/,
      (whole, name: string) => get(name) ?? whole,
    );
    end = start;
  }
  return text.slice(0, end) + tail;
}

interface Line {
  readonly text: string;
  readonly line: number;
}

/** Lines that say something; those of a value in double quotes that spans several are one. */
function joinLines(lines: readonly string[]): readonly Line[] {
  const joined: Line[] = [];
  let open: { readonly parts: string[]; readonly line: number } | null = null;
  for (const [index, text] of lines.entries()) {
    if (open) {
      open.parts.push(text);
      if (countQuotes(text) === 0) continue;
      joined.push({ text: open.parts.join("\n"), line: open.line });
      open = null;
    } else if (opensSeveralLines(text)) {
      open = { parts: [text], line: index + 1 };
    } else if (!/^\s*(#|$)/.test(text)) {
      joined.push({ text, line: index + 1 });
    }
  }
  return open ? [...joined, { text: open.parts.join("\n"), line: open.line }] : joined;
}

function opensSeveralLines(line: string): boolean {
  const [quote, comment] = [line.indexOf('="'), line.indexOf("#")];
  const isInComment = comment !== -1 && comment < quote;
  return quote !== -1 && !isInComment && countQuotes(line) <= 1;
}

/** Those that are not escaped. */
function countQuotes(line: string): number {
  return line.replaceAll("\\\\", "").match(/(?<!\\)"/g)?.length ?? 0;
}

/** A text says what is wrong. */
function parseEntry(line: string): DotenvEntry | string {
  const [, left = "", right] = /^([^=]*)(?:=(.*))?$/s.exec(line) ?? [];
  const name = (right === undefined ? left : trim(left))
    .replace(/^export\s+/, "")
    .replace(/^(["'])(.+)\1$/s, "$2");
  if (!/^[\p{Ll}\p{Lu}\p{M}\p{N}_.]+$/u.test(name)) return "a name is expected before the =";
  if (right === undefined) return { name, value: null };
  const value = parseValue(trim(right));
  return typeof value === "string" ? value : { name, value };
}

/** As PHP's `trim`. */
function trim(text: string): string {
  return text.replaceAll(/^[ \n\r\t\0\v]+|[ \n\r\t\0\v]+$/g, "");
}

type State = "start" | "bare" | "single" | "double" | "escape" | "after" | "comment";

function parseValue(text: string): DotenvValue | string {
  const variables: number[] = [];
  let value = "";
  let state: State = "start";
  for (const [token] of text.matchAll(/[\r\n]+|[^\S\r\n]+|[\\'"#$]|[^\s\\'"#$]+/g)) {
    const read = readToken(state, token);
    if (typeof read === "string") return read;
    if (read.isVariable) variables.push(value.length);
    value += read.text;
    state = read.next;
  }
  return state === "single" || state === "double" || state === "escape"
    ? "a closing quote is missing"
    : { text: value, variables };
}

interface Read {
  readonly text: string;
  readonly next: State;
  readonly isVariable?: true;
}

function readToken(state: State, token: string): Read | string {
  const dropped = (next: State): Read => ({ text: "", next });
  const kept = (next: State): Read => ({
    text: token,
    next,
    ...(token === "$" && next !== "single" && { isVariable: true }),
  });
  switch (state) {
    case "start":
      if (token === "'") return dropped("single");
      if (token === '"') return dropped("double");
      return token === "#" ? dropped("comment") : kept("bare");
    case "bare":
      if (token === "#") return dropped("comment");
      return /^\s/.test(token) ? dropped("after") : kept("bare");
    case "single":
      return token === "'" ? dropped("after") : kept("single");
    case "double":
      if (token === '"') return dropped("after");
      return token === "\\" ? dropped("escape") : kept("double");
    case "escape":
      return readEscape(token);
    case "after":
      if (token === "#") return dropped("comment");
      return /^\s/.test(token)
        ? dropped("after")
        : "there is white space in a value without quotes, or text behind one in quotes";
    case "comment":
      return dropped("comment");
  }
}

const escapes: Readonly<Record<string, string>> = {
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function readEscape(token: string): Read | string {
  if (token === '"' || token === "\\" || token === "$") return { text: token, next: "double" };
  const [letter = "", ...rest] = token;
  const character = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
  return character === undefined
    ? "a \\ in double quotes stands before something that it does not escape"
    : { text: character + rest.join(""), next: "double" };
}
