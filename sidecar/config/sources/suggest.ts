/** A hint for an unknown name: what has become of it, or which option was probably meant. */

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
  whereListed = "--help lists them.",
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
  const [nearest] = known
    .map((key) => ({ key, distance: editDistance(bare, key) }))
    .toSorted((a, b) => a.distance - b.distance);
  return nearest && nearest.distance <= Math.max(2, Math.floor(bare.length / 4))
    ? `there is no such option; did you mean ${spell(nearest.key)}?`
    : `there is no such option; ${whereListed}`;
}

/** Levenshtein's: letters to insert, delete or replace, with two neighbours swapped counted as one. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + cost,
      );
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && isSwap) {
        least = Math.min(least, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
