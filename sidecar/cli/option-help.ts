/** What `help` says of options: of one in full, of several or all in short. */

import { fallbackText, type Option } from "../config/table/option.ts";
import { optionGroups } from "../config/table/table.ts";
import { wrap } from "./wrap.ts";

export interface Entry {
  /** By which it is found, in lower case and without `POGO_`. */
  readonly names: readonly string[];
  /** `--app-secret <secret>, --app-secret-file <path>`. */
  readonly usage: string;
  readonly docs: string;
  /** Its names in the environment and its default. */
  readonly namesAndDefault: string;
  /** Which values it takes. */
  readonly allowed?: string;
}

/** Flags that say what is read; the others are options. */
const sourceEntries: readonly Entry[] = [
  {
    names: ["config"],
    usage: "--config <path>",
    docs: 'A JSON file of options, or of several apps. Its keys are the flags without dashes in front, and with _ for -: {"allowed_origins": ["example.com"], "port": 8080}.',
    namesAndDefault: "POGO_CONFIG; default: none",
  },
  {
    names: ["env_file"],
    usage: "--env-file <path>",
    docs: "A .env file to read, expanded as Laravel does. It may be given again, and the last one wins.",
    namesAndDefault: "default: the .env of the working directory, if it has the app's credentials",
  },
  {
    names: ["no_env_file"],
    usage: "--no-env-file",
    docs: "Read no .env file.",
    namesAndDefault: "default: false",
  },
];

const groups: readonly { readonly title: string; readonly entries: readonly Entry[] }[] = [
  { title: "Files", entries: sourceEntries },
  ...optionGroups.map(({ title, rows }) => ({ title, entries: rows.map(toEntry) })),
];

const allEntries = groups.flatMap(({ entries }) => entries);

/** What such an entry may have been meant by, for a hint. */
export const entryNames: readonly string[] = allEntries.map(({ usage }) =>
  usage.slice(2).replace(/[ ,].*/, ""),
);

/** The one with this name in any spelling (`port`, `--port`, `POGO_PORT`), else those with it in a name. */
export function findEntries(topic: string): readonly Entry[] {
  const name = keyOf(topic);
  const exact = allEntries.find(({ names }) => names.includes(name));
  return exact
    ? [exact]
    : allEntries.filter(({ names }) => names.some((one) => one.includes(name)));
}

export function describeAll(width: number): string {
  return groups
    .map(({ title, entries }) => `${title}:\n${describeShortly(entries, width)}`)
    .join("\n\n");
}

/** Each with the first sentence of its docs. */
export function describeShortly(entries: readonly Entry[], width: number): string {
  return entries
    .flatMap(({ usage, docs, namesAndDefault }) => [
      `  ${usage}`,
      wrap(firstSentence(docs), width, "      "),
      wrap(namesAndDefault, width, "      "),
    ])
    .join("\n");
}

export function describeFully(
  { usage, docs, namesAndDefault, allowed }: Entry,
  width: number,
): string {
  const takes = allowed === undefined ? [] : [wrap(`Takes ${allowed}.`, width, "  ")];
  return [usage, wrap(namesAndDefault, width, "  "), ...takes, "", wrap(plain(docs), width)].join(
    "\n",
  );
}

/** Of a key, a flag or a variable, as `names` has them. */
export function keyOf(name: string): string {
  return name
    .replace(/^--/, "")
    .replaceAll("-", "_")
    .toLowerCase()
    .replace(/^pogo_/, "");
}

function toEntry(option: Option<unknown>): Entry {
  const { key, flag, env, original, standard, laravel, secret, parser, docs, required } = option;
  const inEnvironment = [env, secret && `${env}_FILE`, original, standard, laravel].filter(
    (name) => typeof name === "string",
  );
  const usual = required ? "required" : `default: ${fallbackText(option) || "(empty)"}`;
  return {
    names: [key, ...inEnvironment.map(keyOf)],
    usage: `${flag} <${parser.placeholder}>${secret ? `, ${flag}-file <path>` : ""}`,
    docs,
    namesAndDefault: `${inEnvironment.join(", ")}; ${usual}`,
    allowed: plain(parser.allowed),
  };
}

function firstSentence(docs: string): string {
  return plain(/^.*?[.](?=\s|$)/s.exec(docs)?.[0] ?? docs);
}

/** Without the marks of Markdown. */
export function plain(text: string): string {
  return text.replaceAll("`", "");
}
