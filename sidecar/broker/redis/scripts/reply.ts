/** Reads what scripts answer: Lua's tables come as lists, its numbers as integers. */

export function readList(raw: unknown): readonly unknown[] {
  return Array.isArray(raw) ? raw : [];
}

export function readTexts(raw: unknown): readonly string[] {
  return readList(raw).map(String);
}

export function readNumbers(raw: unknown): readonly number[] {
  return readList(raw).map(Number);
}

/** Names and values in turn. */
export function readPairs(raw: unknown): ReadonlyMap<string, string> {
  return new Map(readRows(raw, 2).map(([name = "", value = ""]) => [name, value]));
}

/** Rows of so many texts, one behind the other. */
export function readRows(raw: unknown, width: number): readonly (readonly string[])[] {
  const texts = readTexts(raw);
  return Array.from({ length: texts.length / width }, (_, row) =>
    texts.slice(row * width, (row + 1) * width),
  );
}
