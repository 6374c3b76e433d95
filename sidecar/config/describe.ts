/** The effective configuration as text for a terminal. */

import { optionGroups, table } from "./table/table.ts";
import type { Setting } from "./sources/reader.ts";

/** Every option, its value and where it came from: the node's in groups, then each app's; secrets are masked already. */
export function describeSettings(settings: readonly Setting[]): string {
  const keyWidth = Math.max(...settings.map(({ key }) => key.length));
  const ofNode = settings.filter(({ app }) => app === null);
  const groups = optionGroups.map(({ title, rows }) => ({
    title,
    shown: ofNode.filter(({ option }) => rows.includes(option)),
  }));
  const names = new Set(settings.flatMap(({ app }) => app ?? []));
  const apps = [...names].map((name) => {
    const shown = settings.filter(({ app }) => app === name);
    const id = shown.find(({ option }) => option === table.app.id)?.text ?? "";
    return { title: `App ${toShown(id)} (${name})`, shown };
  });
  return [...groups, ...apps]
    .filter(({ shown }) => shown.length > 0)
    .map(({ title, shown }) => [title, ...describeRows(shown, keyWidth)].join("\n"))
    .join("\n\n");
}

function describeRows(settings: readonly Setting[], keyWidth: number): readonly string[] {
  const valueWidth = Math.min(40, Math.max(...settings.map(({ text }) => toShown(text).length)));
  return settings.map(
    ({ key, text, source }) =>
      `  ${key.padEnd(keyWidth)}  ${toShown(text).padEnd(valueWidth)}  ${source}`,
  );
}

/** One line, so that nothing in a value passes for another option. */
function toShown(text: string): string {
  return text === "" ? "(empty)" : text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "�");
}
