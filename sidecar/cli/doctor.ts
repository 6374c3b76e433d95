/** `doctor`: checks the usual causes of trouble, in order, and says how to fix each. */

import { formatErrors, loadConfig } from "../config.ts";
import { exitCodes, type CommandContext } from "./command.ts";
import { appAnswers, guestIsRefused, replay } from "./doctor/app.ts";
import { skipped, type Check, type Finding, type Subject } from "./doctor/check.ts";
import {
  address,
  broadcastConnection,
  environmentFile,
  frontEnd,
  nodeVersion,
  openFiles,
  queue,
  readEnv,
} from "./doctor/machine.ts";
import { proxies, redis, running } from "./doctor/node.ts";
import { clock, connects, publishes } from "./doctor/outside.ts";

const checks: readonly Check[] = [
  nodeVersion,
  environmentFile,
  broadcastConnection,
  address,
  frontEnd,
  openFiles,
  appAnswers,
  guestIsRefused,
  running,
  publishes,
  connects,
  proxies,
  clock,
  redis,
  queue,
  replay,
];

/** Ends with 0 if nothing is wrong, 1 if something is, 78 if the configuration can't be used. */
export async function doctor(context: CommandContext): Promise<number> {
  const own = takeOwnFlags(context.argv);
  if (!own.ok) {
    context.complain(`${own.error}\n`);
    return exitCodes.usage;
  }
  const loaded = loadConfig({ ...context, argv: own.rest });
  const [app] = loaded.ok ? loaded.config.apps : [];
  if (!loaded.ok || !app) {
    context.complain(formatErrors(loaded.ok ? [] : loaded.errors, loaded.warnings));
    return exitCodes.configuration;
  }
  const { config } = loaded;
  const folder = process.cwd();
  const subject: Subject = {
    config,
    app,
    env: context.env,
    url:
      own.flags.url ??
      addressOf({ ...readEnv(folder, context.env), ...context.env }, config.server),
    cookie: own.flags.cookie,
    channel: own.flags.channel,
    folder,
  };
  const findings: (Finding & { readonly name: string })[] = [];
  const { isJson } = own.flags;
  const failed = new Set<Check>();
  for (const check of checks) {
    const { name, needs = [], run } = check;
    const missing = needs.find((other) => failed.has(other));
    const finding = missing ? skipped(`waits for: ${missing.name}`) : await run(subject);
    if (finding.status === "wrong") failed.add(check);
    findings.push({ name, ...finding });
    if (!isJson) context.print(describe(name, finding));
  }
  if (isJson) context.print(`${JSON.stringify(findings, null, 2)}\n`);
  return failed.size > 0 ? exitCodes.failure : exitCodes.ok;
}

interface OwnFlags {
  readonly url: URL | null;
  readonly cookie: string | null;
  readonly channel: string | null;
  readonly isJson: boolean;
}

/** Those that are no options of the sidecar: `--url`, `--cookie`, `--channel`, `--json`. */
function takeOwnFlags(
  argv: readonly string[],
):
  | { readonly ok: true; readonly flags: OwnFlags; readonly rest: readonly string[] }
  | { readonly ok: false; readonly error: string } {
  const texts = new Map<string, string>();
  const rest: string[] = [];
  let isJson = false;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    const [, name, value] = /^--(url|cookie|channel)(?:=(.*))?$/s.exec(argument) ?? [];
    if (argument === "--json") isJson = true;
    else if (name === undefined) rest.push(argument);
    else {
      const given = value ?? argv[++index] ?? "";
      if (given === "" || given.startsWith("--")) {
        return { ok: false, error: `--${name} needs a value` };
      }
      texts.set(name, given);
    }
  }
  const address = texts.get("url");
  if (address !== undefined && !/^https?:$/.test(URL.parse(address)?.protocol ?? "")) {
    return { ok: false, error: "--url takes an address such as https://app.example.com" };
  }
  const flags = {
    url: address === undefined ? null : new URL(address),
    cookie: texts.get("cookie") ?? null,
    channel: texts.get("channel") ?? null,
    isJson,
  };
  return { ok: true, flags, rest };
}

/** Where Laravel publishes to, with its own defaults, and browsers connect; else this machine. */
function addressOf(env: Subject["env"], server: Subject["config"]["server"]): URL {
  const { REVERB_HOST: host, REVERB_PORT: port = "443", REVERB_SCHEME: scheme = "https" } = env;
  const named = host ? URL.parse(`${scheme}://${host}:${port}`) : null;
  return named ?? new URL(`http://127.0.0.1:${server.port}`);
}

const marks: Readonly<Record<Finding["status"], string>> = {
  ok: "fine ",
  wrong: "WRONG",
  hint: "hint ",
  skipped: "-    ",
};

function describe(name: string, finding: Finding): string {
  const line = `${marks[finding.status]}  ${name}: ${finding.text}\n`;
  return "fix" in finding ? `${line}       → ${finding.fix}\n` : line;
}
