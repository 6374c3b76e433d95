/** The titles of the tests in some files, as they register them: the files are loaded with a node:test that runs nothing. */

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { takeTitles } from "./titles-recorder.ts";

/** Those of a test and of the suites around it, outermost first; tests that are skipped wherever they run are left out. */
export type Titles = readonly string[];

export async function titlesOf(paths: readonly string[]): Promise<readonly Titles[]> {
  const recorder = new URL("titles-recorder.ts", import.meta.url).href;
  const hooks = registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === "node:test"
        ? { url: recorder, shortCircuit: true }
        : nextResolve(specifier, context),
  });
  try {
    for (const path of paths) await import(pathToFileURL(path).href);
    return await takeTitles();
  } finally {
    hooks.deregister();
  }
}

/** Numbers at the head of a title, such as S07 and U06 of `S07, U06: …`, with what else is numbered there. */
export function numbersOf(title: string): readonly string[] {
  const [, list = ""] = /^((?:[A-Z]\d+, )*[A-Z]\d+): /.exec(title) ?? [];
  return list === "" ? [] : list.split(", ");
}
