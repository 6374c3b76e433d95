/** `docs/configuration.md`, made of the option table, so that neither can say what the other does not. */

import { renderAppDocs } from "./app-docs.ts";
import { commands, type CommandRow } from "../sidecar/cli/commands.ts";
import { directives } from "../sidecar/config/sources/directives.ts";
import { fallbackText, type Option } from "../sidecar/config/table/option.ts";
import { allOptions, optionGroups } from "../sidecar/config/table/table.ts";
import { table } from "./markdown.ts";

export function renderConfigurationDocs(): string {
  return [
    intro,
    commandTable(),
    afterCommands,
    "## Options\n",
    ...optionGroups.map(({ title, rows }) => `### ${title}\n\n${optionTable(rows)}`),
    renderAppDocs(),
    laravelIntro,
    laravelTable(),
    standardIntro,
    standardTable(),
    directivesIntro,
    directivesTable(),
  ].join("\n");
}

/** But that of an app, which is the example. */
const otherSecrets = new Intl.ListFormat("en-GB").format(
  allOptions.flatMap(({ secret, env }) => (secret && env !== "POGO_APP_SECRET" ? code(env) : [])),
);

const intro = `# Configuration

<!-- Made by \`npm run docs\` from the option table in sidecar/config/. Edits here are lost. -->

Pogo Sidecar needs three values: the app's id, key and secret. It finds them under the names that Laravel's \`.env\` already has for them. Everything else has a default.

## Where values come from

1. **Flags**: \`--port 9000\` or \`--port=9000\`.
2. **Environment**: \`POGO_PORT=9000\`; then the name of the Pogo WebSocket module for FrankenPHP (\`POGO_WS_…\`) or of [OpenTelemetry](#opentelemetrys-names), then [Laravel's](#laravels-names).
3. **\`.env\` files**: the same names, in the files given by \`--env-file FILE\` (may be repeated; the last wins), or else in the \`.env\` of the working directory if it has the app's credentials (as in Laravel, in \`.env.production\` if the process has \`APP_ENV=production\` and the file exists). They are read as Laravel reads them, including \`\${NAME}\`; \`--no-env-file\` reads none. Of a file that \`--env-file\` names and that does not exist, Node itself says \`node: FILE: not found\`, and ends with 9.
4. **Config file**: a JSON object, named by \`--config FILE\` or \`POGO_CONFIG\`. Its keys are the environment names without \`POGO_\`, in lower case: \`{"port": 9000, "allowed_origins": ["example.com"]}\`. It can list [several apps](#several-apps).
5. **Defaults**.

The first place that has a value wins. A variable that is set but empty counts as not set, as does \`null\` in the config file, except where empty has a meaning (\`POGO_PATH\`, \`POGO_TRUSTED_PROXIES\`, \`POGO_APP_MAX_CONNECTIONS\`).

A secret can also be read from a file of its own: \`POGO_APP_SECRET_FILE\`, \`REVERB_APP_SECRET_FILE\`, \`--app-secret-file\`, or \`app_secret_file\` in the config file; the same goes for ${otherSecrets}. One line break at its end is ignored. Giving both the value and the file is an error.

An unknown \`POGO_…\` name, flag or key is an error, so that a misspelt limit never silently becomes the default. Other variables are ignored, including unknown \`REVERB_…\` ones and those that Kubernetes sets for Services (\`POGO_SERVICE_HOST\`, \`POGO_PORT=tcp://…\`).

- **Durations** carry their unit: \`54s\`, \`1500ms\`, \`2m\`, \`1h\`, \`1m30s\`. A bare number is accepted, as seconds, only where Laravel uses one: under Laravel's names and in an app of the config file.
- **Bytes** are a number, or one with \`KiB\`, \`MiB\` or \`GiB\`: \`16KiB\`.
- **Booleans** are \`true\` or \`false\` (also \`1\`, \`0\`, \`on\`, \`off\`, \`yes\`, \`no\`); a flag without a value is \`true\`.
- **Lists** are separated by commas; in the config file they may be JSON lists.

## Commands
`;

const afterCommands = `A command that does not exist ends with 64; on a Node that is too old every command ends with 78.
`;

function commandTable(): string {
  const rows: readonly (readonly [string, CommandRow])[] = Object.entries(commands);
  const cells = rows.map(([name, { summary, details, flags, exitCodes, page }]) => [
    code(name),
    [
      `${sentenceCase(summary)}.`,
      details,
      ...Object.entries(flags).map(([usage, text]) => `${code(usage)}: ${text}`),
      ...(page === undefined ? [] : [`[${page.replace(/#.*/, "")}](${page})`]),
    ].join(" "),
    exitCodes,
  ]);
  return `${table(["Command", "What it does", "Exit codes"], cells)}\n`;
}

function optionTable(rows: readonly Option<unknown>[]): string {
  const head = ["Environment and flag", "Default", "Value", "Meaning"];
  const cells = rows.map((row) => [
    namesOf(row).map(code).join("<br>"),
    defaultOf(row),
    withoutMarkup(row.parser.allowed),
    row.share ? `${row.docs} Several workers (\`POGO_WORKERS\`) share it.` : row.docs,
  ]);
  return `${table(head, cells)}\n`;
}

function namesOf({ env, flag, secret }: Option<unknown>): readonly string[] {
  return secret ? [env, `${env}_FILE`, flag, `${flag}-file`] : [env, flag];
}

const laravelIntro = `## Laravel's names

These work as they are in the app's \`.env\`. If both are set, the \`POGO_…\` name wins. \`null\`, \`(null)\`, \`empty\` and \`(empty)\` count as not set, as in Laravel's \`env()\`. \`REVERB_HOST\`, \`REVERB_PORT\` and \`REVERB_SCHEME\` are not read: they say where Laravel and browsers find the sidecar, not where it listens. \`REVERB_APP_ID\`, \`REVERB_APP_KEY\` and \`REVERB_APP_SECRET\` are not read if the config file has \`apps\`.

\`REDIS_…\` is in nearly every \`.env\`, for the app's cache and queue, and does not mean that nodes are to be joined. It is read only if \`REVERB_SCALING_ENABLED\` or \`POGO_SCALING_ENABLED\` is true, or if a \`POGO_REDIS_…\` name says where Redis is. It then ranks below all \`POGO_…\` names, including the config file:

- \`REDIS_URL\` and \`REDIS_HOST\` are ignored if \`POGO_REDIS_URL\`, \`POGO_REDIS_HOST\`, \`POGO_REDIS_SENTINELS\` or \`POGO_REDIS_CLUSTER_NODES\` is given; with \`POGO_REDIS_URL\`, all of \`REDIS_…\` are.
- If both are read, \`REDIS_URL\` takes precedence over \`REDIS_HOST\`, and parts missing in the URL (port, user, password, database) come from the others, as in Laravel.
`;

function laravelTable(): string {
  const rows = allOptions.flatMap(({ env, laravel, laravelSeconds, secret }) => {
    if (laravel === undefined) return [];
    const seconds = laravelSeconds ? "A bare number is in seconds." : "";
    const remark = laravel.startsWith("REDIS_") ? "Read where scaling is on." : seconds;
    const inFile = [`\`${laravel}_FILE\``, `\`${env}_FILE\``, "The path of a file that holds it."];
    const row = [`\`${laravel}\``, `\`${env}\``, remark];
    return secret ? [row, inFile] : [row];
  });
  return `${table(["Laravel", "Here", "Note"], rows)}\n`;
}

const standardIntro = `## OpenTelemetry's names

These are read as OpenTelemetry's SDKs read them. An app that is traced may have them in its \`.env\`: the sidecar then sends its spans to the same collector, unless \`POGO_TRACE_ENDPOINT=none\`. Values that the sidecar can't use, such as a collector's gRPC port, are ignored with a warning, since they may be right for the app. OpenTelemetry's other names are not read.
`;

function standardTable(): string {
  const rows = allOptions.flatMap(({ env, standard, secret }) => {
    if (standard === undefined) return [];
    const inFile = [`\`${standard}_FILE\``, `\`${env}_FILE\``, "The path of a file that holds it."];
    const row = [`\`${standard}\``, `\`${env}\``, ""];
    return secret ? [row, inFile] : [row];
  });
  return `${table(["OpenTelemetry", "Here", "Note"], rows)}\n`;
}

const directivesIntro = `## The original's directives

For users of the Pogo WebSocket module for FrankenPHP: each directive of its Caddyfile and each \`POGO_WS_…\` variable that it reads, with its replacement here. The variables keep working, with the same effect or with a warning that names the replacement.
`;

function directivesTable(): string {
  const heads = ["Directive, name in the environment", "Option here", "Default here", "Difference"];
  const cells = directives.map(({ name, env, option, remark }) => [
    [name, ...(env === undefined ? [] : [env])].map(code).join("<br>"),
    option ? code(option.env) : "none",
    option ? defaultOf(option) : "",
    sentenceCase(remark),
  ]);
  return `${table(heads, cells)}\n`;
}

function defaultOf(option: Option<unknown>): string {
  if (option.required) return "required";
  const text = fallbackText(option);
  return text === "" ? "empty" : code(text);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** So that `*` is a star and not emphasis. */
function withoutMarkup(text: string): string {
  return text.replaceAll(/[*_~\\]/g, String.raw`\$&`);
}

function sentenceCase(text: string): string {
  const [first = "", ...rest] = text;
  return `${first.toUpperCase()}${rest.join("")}`;
}
