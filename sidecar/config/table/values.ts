/** Turns nested rows into values: the same names, with values in place of rows. */

import type { Option, Read } from "./option.ts";

export interface Rows {
  readonly [name: string]: Option<unknown> | Rows;
}

export type Values<T> =
  T extends Option<infer Value> ? Value : { readonly [Name in keyof T]: Values<T[Name]> };

/** The names in the environment of all options in such a table. */
export type EnvNames<T> = T extends { readonly env: infer Env extends string }
  ? Env
  : { [Name in keyof T]: EnvNames<T[Name]> }[keyof T];

export function readAll<T extends Rows>(rows: T, read: Read): Values<T>;
export function readAll(rows: Rows, read: Read): unknown {
  return Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [
      name,
      isOption(row) ? read(row) : readAll(row, read),
    ]),
  );
}

/** In their order. */
export function flatten(rows: Rows): readonly Option<unknown>[] {
  return Object.values(rows).flatMap((row) => (isOption(row) ? [row] : flatten(row)));
}

function isOption(row: Option<unknown> | Rows): row is Option<unknown> {
  return typeof row["env"] === "string";
}
