/** `docs/troubleshooting.md`: the symptoms, with the log's own lines, which are made here by the log's own table. */

import { pino } from "pino";
import type { SidecarEvent } from "../sidecar/core/report.ts";
import { createMetrics } from "../sidecar/observability/metrics.ts";
import { createReport } from "../sidecar/observability/report.ts";
import { anchorOf, table } from "./markdown.ts";
import { connections } from "./symptoms/connections.ts";
import { operation } from "./symptoms/operation.ts";
import type { Symptom } from "./symptoms/symptom.ts";

export const symptoms: readonly Symptom[] = [...connections, ...operation];

export function renderTroubleshootingDocs(): string {
  const contents = symptoms.map(({ title }) => `- [${title}](#${anchorOf(title)})`);
  return [head, ...contents, "", ...symptoms.map(renderSymptom)].join("\n");
}

const head = `# Troubleshooting

Made by \`npm run docs\` from \`scripts/symptoms/\` and the log's own table: do not edit.

Start with two commands, on the machine where the sidecar runs and in the app's folder:

- \`pogo-sidecar doctor\` checks the usual causes and says how to fix each. \`--url=https://app.example.com\` connects the way a browser does; \`--channel=private-orders.7 --cookie='laravel_session=…'\` replays an authorization.
- \`pogo-sidecar check\` prints the settings in force and where each value comes from.

Then look at the [console](console.md), at \`/\` of the admin port: it shows the last refusals with the same hints, including earlier ones, and can ask the app again about a refused subscribe.

Then read the log. Each refusal that a setting can cause is one line there, at most every ten seconds per reason; \`suppressed\` counts those left out. The lines below are as in the log: the message to search for, the fields that say why, and the \`hint\`. Lines that only appear with \`POGO_LOG_LEVEL=debug\` are marked. Codes and statuses are in [errors.md](errors.md).
`;

function renderSymptom({ title, first, lines, also = [] }: Symptom): string {
  const rows = lines.map((event) => renderLine(event));
  return [
    `## ${title}`,
    "",
    ...(first === undefined ? [] : [first, ""]),
    table(["The log says", "What to do"], rows),
    "",
    ...(also.length > 0 ? [...also.map((text) => `- ${text}`), ""] : []),
  ].join("\n");
}

/** Fields whose values here are made up. */
const examples: ReadonlySet<string> = new Set(
  "app_id method path request_id socket_id channel cause events failures".split(" "),
);

function renderLine(event: SidecarEvent): readonly [string, string] {
  const { msg, level, hint = "–", ...fields } = lineOf(event);
  const shown = Object.entries(fields)
    .filter(([name]) => !examples.has(name))
    .map(([name, value]) => `\`${name}: ${shorten(value)}\``);
  const words = [`**${shorten(msg)}**`, ...(level === "debug" ? ["(at `debug`)"] : []), ...shown];
  return [words.join(" "), shorten(hint)];
}

/** The line that the log has for it, as data. */
function lineOf(event: SidecarEvent): Record<string, unknown> {
  const lines: string[] = [];
  const options = {
    level: "debug",
    base: null,
    timestamp: false,
    formatters: { level: (level: string) => ({ level }) },
  };
  const log = pino(options, { write: (line: string) => void lines.push(line) });
  createReport({ metrics: createMetrics(), log, now: () => 0 })(event);
  const [line = "{}"] = lines;
  return JSON.parse(line);
}

function shorten(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
