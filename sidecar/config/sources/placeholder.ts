/** A hint for values that still contain `${NAME}`: Laravel's loader expands them, a process manager does not. */

import type { Option } from "../table/option.ts";

/**
 * @param source where it stands: `REVERB_APP_KEY`, or `REVERB_APP_KEY in .env`
 * @returns null if there is nothing to put in; never a secret
 */
export function explainPlaceholder(
  { secret }: Option<unknown>,
  text: string,
  source: string,
  environment: ReadonlyMap<string, string>,
): string | null {
  const [found, name] = /\$\{([\w.]+)\}/.exec(text) ?? [];
  if (found === undefined || name === undefined) return null;
  const [, own = source, file] = /^(\S+) in (.+)$/s.exec(source) ?? [];
  if (file !== undefined) {
    return `nothing has a value for ${found}: set ${name} above it in ${file}.`;
  }
  const value = environment.get(name);
  const isKnown = !secret && value !== undefined && !value.includes("${");
  const line = isKnown
    ? text.replace(/^(["'])(.*)\1$/s, "$2").replaceAll(found, () => value)
    : `<the value of ${name}>`;
  return `${found} in it is not expanded, as only Laravel and --env-file do. Write ${own}=${line}`;
}
