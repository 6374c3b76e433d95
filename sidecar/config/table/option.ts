/** One row of the option table, and the names that follow from it. */

import type { Parser } from "../parsers/parser.ts";

export interface OptionRow<T> {
  /** The name in the environment; the flag and the key of the config file are the same words. */
  readonly env: `POGO_${string}`;
  /** Laravel's own name for it; `REDIS_…` comes after the config file, since most apps have it for another Redis. */
  readonly laravel?: `REVERB_${string}` | `REDIS_${string}`;
  /** A duration that is a bare number of seconds in Laravel's places: under its name, and in an app's entry. */
  readonly laravelSeconds?: true;
  /** The original's name in the environment, where it means the same. */
  readonly original?: `POGO_WS_${string}`;
  /** OpenTelemetry's name in the environment, which its SDKs read too. */
  readonly standard?: `OTEL_${string}`;
  /**
   * Its place in an entry of `apps` in the config file: `ping_interval`, `rate_limiting.enabled`, `webhooks[].url`.
   * It may then differ from app to app; an option without it holds for the whole node.
   */
  readonly perApp?: string;
  readonly parser: Parser<T>;
  readonly fallback: NoInfer<T>;
  /** In place of the fallback in texts: where it depends on another option. */
  readonly fallbackText?: string;
  /** The fallback where it follows from other options of the same scope; `fallback` is what it comes to by default. */
  readonly fallbackFrom?: (read: Read) => NoInfer<T>;
  /** Without a value nothing starts; the fallback is never seen. */
  readonly required?: true;
  /** Its value is shown nowhere, and can come from a file (`…_FILE`). */
  readonly secret?: true;
  /** Set but empty is this value; without it, empty counts as not set. */
  readonly whenEmpty?: NoInfer<T>;
  /** What each of several workers gets of it; without it each has the value as it is. */
  share?(value: T, workers: number): NoInfer<T>;
  /** Its first sentence says what it is, the rest what follows from it. */
  readonly docs: string;
}

export interface Option<T> extends OptionRow<T> {
  /** `app_secret`: the key in the config file. */
  readonly key: string;
  /** `--app-secret`. */
  readonly flag: string;
}

/** The value of an option, in the scope at hand. */
export type Read = <T>(option: Option<T>) => T;

/** The type keeps the name, so that what is kept for each option (a proof, a page) can be asked for by the compiler. */
export function option<T, const Env extends string>(
  row: OptionRow<T> & { readonly env: Env },
): Option<T> & { readonly env: Env } {
  const key = row.env.slice("POGO_".length).toLowerCase();
  return { ...row, key, flag: `--${key.replaceAll("_", "-")}` };
}

/** Whether there is a value for "none": no limit, no prefix. */
export function canBeNone({ parser }: Option<unknown>): boolean {
  const parsed = parser.parse("none");
  return parsed.ok && parsed.value === null;
}

export function fallbackText(row: Option<unknown>): string {
  if (row.required) return "required";
  return row.fallbackText ?? row.parser.show(row.fallback);
}

/** In equal parts, rounded up. */
export function equalShare(value: number, workers: number): number {
  return Math.ceil(value / workers);
}
