/** Reading deployment files: a Dockerfile into instructions, and values out of parsed YAML of unknown shape. */

/** One instruction of a Dockerfile; `args` is what follows the keyword, continuation lines joined. */
export interface Instruction {
  readonly keyword: string;
  readonly args: string;
}

/** The instructions of a Dockerfile; heredocs and parser directives are not understood. */
export function parseDockerfile(text: string): readonly Instruction[] {
  const instructions: Instruction[] = [];
  let pending = "";
  for (const line of text.split("\n")) {
    // A comment line may stand between continuation lines too.
    if (/^\s*#/.test(line)) continue;
    const continued = /^(.*)\\\s*$/.exec(line)?.[1];
    pending += continued ?? line;
    if (continued !== undefined) continue;
    const [, keyword, args] = /^\s*(\w+)\s+(.*?)\s*$/.exec(pending) ?? [];
    if (keyword !== undefined && args !== undefined) {
      instructions.push({ keyword: keyword.toUpperCase(), args: args.replaceAll(/\s+/g, " ") });
    }
    pending = "";
  }
  return instructions;
}

/** The strings of an exec form (`["node", "x.js"]`); null if it is a shell form. */
export function execForm(args: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(args);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : null;
  } catch {
    return null; // a shell form is no JSON
  }
}

/** What stands at a path in a document; undefined where the path ends early. */
export function at(document: unknown, ...path: readonly (string | number)[]): unknown {
  let value = document;
  for (const step of path) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
  }
  return value;
}

/** The elements of a list; none if it is something else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The entries of a mapping; none if it is something else. */
export function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : [];
}

/** `15s`, `1m` and `500ms` in seconds; NaN for anything else. */
export function seconds(value: unknown): number {
  const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(String(value)) ?? [];
  return Number(amount) * ({ ms: 0.001, s: 1, m: 60 }[unit ?? ""] ?? Number.NaN);
}
