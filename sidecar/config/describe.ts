/** The option table as text for a terminal: the effective configuration, and the usage of every flag. */

import { fallbackText, type Option } from "./option.ts";
import { optionGroups } from "./options.ts";
import type { Setting } from "./reader.ts";

/** Every option, its value and where it came from, grouped; secrets are masked already. */
export function describeSettings(settings: readonly Setting[]): string {
  const byKey = new Map(settings.map((setting) => [setting.option.key, setting]));
  const lines: string[] = [];
  for (const { title, rows } of optionGroups) {
    lines.push("", title);
    const shown = rows.flatMap(({ key }) => byKey.get(key) ?? []);
    const valueWidth = Math.min(40, Math.max(...shown.map(({ text }) => toShown(text).length)));
    for (const { option, text, source } of shown) {
      lines.push(
        `  ${option.key.padEnd(keyWidth)}  ${toShown(text).padEnd(valueWidth)}  ${source}`,
      );
    }
  }
  return lines.slice(1).join("\n");
}

const keyWidth = Math.max(...optionGroups.flatMap(({ rows }) => rows.map(({ key }) => key.length)));

/** One line, so that nothing in a value passes for another option. */
function toShown(text: string): string {
  return text === "" ? "(empty)" : text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "�");
}

/** Every flag with its names in the environment, its default and the first sentence of its docs. */
export function describeFlags(): string {
  return optionGroups
    .map(({ title, rows }) => [`${title}:`, ...rows.flatMap(describeFlag)].join("\n"))
    .join("\n\n");
}

function describeFlag(option: Option<unknown>): readonly string[] {
  const { flag, env, laravel, secret, parser, docs } = option;
  const names = [env, ...(secret ? [`${env}_FILE`] : []), ...(laravel ? [laravel] : [])];
  const file = secret ? `, ${flag}-file <path>` : "";
  const usual = option.required ? "required" : `default: ${fallbackText(option) || "(empty)"}`;
  return [
    `  ${flag} <${parser.placeholder}>${file}`,
    `      ${firstSentence(docs)}`,
    `      ${names.join(", ")}; ${usual}`,
  ];
}

function firstSentence(docs: string): string {
  return (/^.*?[.](?=\s|$)/s.exec(docs)?.[0] ?? docs).replaceAll("`", "");
}
