/** Whether a text that was found for an option is a value of it, and what is wrong with it if not. */

import { quote, withoutUrlSecrets } from "../errors.ts";
import type { Option } from "../table/option.ts";
import { explainPlaceholder } from "./placeholder.ts";
import type { Place } from "./places.ts";

export interface Found {
  readonly text: string;
  /** Where: a flag, a name in the environment, `port in FILE`. */
  readonly source: string;
  readonly kind: Place["kind"];
}

export type ParsedText<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

const kindsOfEnvironment: ReadonlySet<Place["kind"]> = new Set(["env", "laravel", "standard"]);

/** @param environment to say of a placeholder what it would be expanded to */
export function parseFound<T>(
  option: Option<T>,
  { text, source, kind }: Found,
  environment: ReadonlyMap<string, string>,
): ParsedText<T> {
  if (text === "") {
    const { whenEmpty } = option;
    return whenEmpty === undefined ? wrong("it needs a value.") : { ok: true, value: whenEmpty };
  }
  const unexpanded = kindsOfEnvironment.has(kind)
    ? explainPlaceholder(option, text, source, environment)
    : null;
  if (unexpanded !== null) return wrong(unexpanded);
  if (/^(["']).*\1$/s.test(text)) {
    return wrong(
      "the quotes around it are part of the value (docker's --env-file keeps them); leave them out.",
    );
  }
  const takesSeconds = option.laravelSeconds && (kind === "laravel" || kind === "entry");
  const isSeconds = takesSeconds && /^\d+(\.\d+)?$/.test(text);
  const parsed = option.parser.parse(isSeconds ? `${text}s` : text);
  if (parsed.ok) return parsed;
  const isHidden = option.secret || option.parser.isConfidential;
  const shown = isHidden ? "its value (hidden)" : quote(text);
  const why = parsed.why === undefined ? "" : `: ${withoutUrlSecrets(parsed.why)}`;
  const seconds = takesSeconds ? "a number of seconds, or " : "";
  return wrong(`${shown} is not ${seconds}${option.parser.allowed}${why}.`);
}

function wrong(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
