/** `hold`, `release` and `drain`: have a running sidecar do it, for the scripts of a deployment. */

import { findUnknownFlags } from "../config.ts";
import { requestAdmin, whereElse, type AdminAnswer } from "./admin-request.ts";
import { exitCodes, type CommandContext } from "./command.ts";

/** Ends with 0 if it was done, 1 if it was not; prints what the sidecar says. `--for` is of `hold`. */
export async function askFor(
  action: "hold" | "release" | "drain",
  context: CommandContext,
): Promise<number> {
  const { text, rest } = takeFor(context.argv);
  const mistake =
    text !== null && action !== "hold"
      ? forElsewhere
      : mistakeIn(action, { ...context, argv: rest });
  if (mistake !== null) {
    context.complain(`${mistake}\n`);
    return exitCodes.usage;
  }
  const query = text === null ? "" : `?for=${encodeURIComponent(text)}`;
  const answer = await requestAdmin({ ...context, argv: rest }, "POST", `/${action}${query}`);
  if (!answer) return exitCodes.configuration;
  const isDone = answer.ok && answer.status < 300 && answer.text !== "";
  (isDone ? context.print : context.complain)(`${describe(answer)}\n`);
  return isDone ? exitCodes.ok : exitCodes.failure;
}

function describe(answer: AdminAnswer): string {
  if (!answer.ok) return `${answer.where} ${answer.why}`;
  return answer.text === ""
    ? `${answer.where} answered ${answer.status}, and not as a sidecar does: ${whereElse}`
    : answer.text;
}

const forElsewhere = "--for is for hold: pogo-sidecar hold --for 30s";

/** What else was written and means nothing: a script whose time is not understood must not get another one. */
function mistakeIn(action: string, { argv, ownFlags }: CommandContext): string | null {
  if (takeFor(argv).text !== null) return "--for is given twice";
  const [unknown] = findUnknownFlags(argv, ownFlags);
  if (!unknown) return null;
  const { name, message } = unknown;
  if (name.startsWith("--")) return `${name}: ${message}`;
  const time = action === "hold" ? "; its time is given with --for, as in --for 60s" : "";
  return `pogo-sidecar ${action} takes no argument${time}`;
}

function takeFor(argv: readonly string[]): { text: string | null; rest: readonly string[] } {
  const at = argv.findIndex((argument) => /^--for(=|$)/.test(argument));
  const argument = argv[at];
  if (argument === undefined) return { text: null, rest: argv };
  if (argument.includes("=")) {
    return { text: argument.slice("--for=".length), rest: argv.toSpliced(at, 1) };
  }
  const next = argv[at + 1];
  const hasValue = next !== undefined && !next.startsWith("--");
  return { text: hasValue ? next : "", rest: argv.toSpliced(at, hasValue ? 2 : 1) };
}
