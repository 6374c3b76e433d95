/** Splits many items into commands of bounded size, since Redis serves nobody else during a command. */

const maxItems = 500;

export function* pages<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += maxItems) yield items.slice(i, i + maxItems);
}
