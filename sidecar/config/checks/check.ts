/** The form of a check for contradictions, and the loop over a table of them. */

import type { ConfigError } from "../errors.ts";
import type { Option } from "../table/option.ts";
import type { Scope } from "../sources/reader.ts";

/** One contradiction: which options it is about (the first is to be changed), and what is wrong if it is there. */
export interface Check<Subject> {
  readonly about: readonly Option<unknown>[];
  readonly find: (subject: Subject) => string | null;
}

/** Where a value could not be had, its fallback stands in: what contradicts that one is no second error. */
export function findIn<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  { hasFailed, nameOf }: Scope,
): readonly ConfigError[] {
  return checks.flatMap(({ about, find }): ConfigError[] => {
    const message = about.some(hasFailed) ? null : find(subject);
    const [first] = about;
    return message === null || !first ? [] : [{ kind: "conflict", name: nameOf(first), message }];
  });
}
