/** Text within the width of a terminal. */

/** Broken between words, each line behind the indent; a word that does not fit has a line of its own. */
export function wrap(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line !== indent && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/** Names on the left, what they are beside them. */
export function inColumns(rows: readonly (readonly [string, string])[], width: number): string {
  const left = 4 + Math.max(...rows.map(([name]) => name.length));
  const indent = " ".repeat(left);
  return rows
    .map(([name, text]) => `  ${name}`.padEnd(left) + wrap(text, width, indent).slice(left))
    .join("\n");
}
