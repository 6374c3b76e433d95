/** A hint for an unknown name: what has become of it, or which option was probably meant. */

import { nearest } from "../nearest.ts";
import { directives } from "./directives.ts";

/**
 * @param name in the words of the config file's keys: `outbound_queue_size`, `ws_write_burst_size`
 * @param known the names there are, in the same spelling
 * @param spell a key as the reader writes it: `POGO_PORT`, `--port`, `port`
 * @param whereListed where to find all names
 * @returns the end of a sentence
 */
export function explainUnknown(
  name: string,
  known: readonly string[],
  spell: (key: string) => string,
  whereListed = "pogo-sidecar help --all lists them.",
): string {
  const bare = name.replace(/^ws_/, "");
  const directive = directives.find((row) => row.name === bare);
  const isRenamed = directive?.option && directive.option.key !== bare;
  if (directive && (!directive.option || isRenamed)) {
    return `the original's ${bare} is no option here: ${directive.remark}${
      isRenamed ? ` Set ${spell(directive.option.key)} instead.` : " Remove it."
    }`;
  }
  if (known.includes(bare)) return `here it is ${spell(bare)}.`;
  const meant = nearest(bare, known);
  return meant === undefined
    ? `there is no such option; ${whereListed}`
    : `there is no such option; did you mean ${spell(meant)}?`;
}
