/** Many items, a command at a time: it blocks Redis for some milliseconds. */

const maxItems = 500;

export function* pages<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += maxItems) yield items.slice(i, i + maxItems);
}
