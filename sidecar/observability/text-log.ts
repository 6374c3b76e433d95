/** The log for people: one aligned line per event, in colour where wanted. Loaded only when used. */

import pretty, { type PrettyOptions } from "pino-pretty";
import type { DestinationStream } from "pino";

export interface TextOptions {
  /** As NO_COLOR, FORCE_COLOR and the terminal have it, if left out. */
  readonly colorize?: boolean;
  /** Where the lines go; standard output, but for tests. */
  readonly destination?: PrettyOptions["destination"];
}

type Colors = Parameters<
  Exclude<PrettyOptions["messageFormat"], string | false | undefined>
>[3]["colors"];

/** Of messages and levels the widest that are usual, so that what follows stands in columns. */
const messageWidth = 28;
const levelWidth = 5;

/** Said once in the banner, or by the column before it. */
const unsaid: ReadonlySet<string> = new Set(["level", "time", "msg", "version", "hint", "err"]);

/** pino-pretty would put a colon behind time and level: both are a part of the message here. */
export function createTextDestination(options: TextOptions = {}): DestinationStream {
  return pretty({
    colorize: options.colorize ?? pretty.isColorSupported,
    destination: options.destination ?? 1,
    sync: true,
    hideObject: true,
    // Each part has its own.
    customColors: { message: "reset" },
    customPrettifiers: { time: () => "", level: () => "" },
    messageFormat: (log, _key, _label, { colors }) => format(log, colors),
  });
}

function format(log: Readonly<Record<string, unknown>>, colors: Colors): string {
  const { time, level, msg } = log;
  const message = typeof msg === "string" ? printable(msg) : "";
  const fields = Object.entries(log).filter(([name, value]) => !unsaid.has(name) && isSaid(value));
  const columns = [
    colors.gray(clockTime(time)),
    paint(level, colors),
    fields.length > 0 ? message.padEnd(messageWidth) : message,
    ...fields.map(([name, value]) => `${colors.gray(`${name}=`)}${show(value)}`),
    ...("hint" in log ? [colors.cyan(`→ ${sentence(log["hint"])}`)] : []),
  ];
  return `${columns.join(" ")}${stackOf(log["err"])}`;
}

/** Of this machine's time zone. */
function clockTime(time: unknown): string {
  return typeof time === "string" ? new Date(time).toTimeString().slice(0, 8) : "";
}

function paint(level: unknown, colors: Colors): string {
  const name = typeof level === "string" ? level : "";
  const text = name.toUpperCase().padEnd(levelWidth);
  switch (name) {
    case "info":
      return colors.green(text);
    case "warn":
      return colors.yellow(text);
    case "error":
    case "fatal":
      return colors.red(text);
    default:
      return colors.gray(text);
  }
}

function isSaid(value: unknown): boolean {
  return value !== null && value !== undefined && value !== "";
}

function sentence(hint: unknown): string {
  return typeof hint === "string" ? printable(hint) : "";
}

/** Quoted where it could be taken for more than one value. */
function show(value: unknown): string {
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return value.map((each) => show(each)).join(",");
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) || typeof value === "object"
    ? printable(text)
    : JSON.stringify(printable(text));
}

/** Nothing that a client sent moves the cursor or begins a line of its own. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
}

/** Of a bug: where it happened, on lines of its own. */
function stackOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("stack" in error)) return "";
  return `\n${String(error.stack)
    .split("\n")
    .map((line) => `    ${printable(line.trim())}`)
    .join("\n")}`;
}
