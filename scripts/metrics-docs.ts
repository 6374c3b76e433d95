/** `docs/metrics.md`, made of the definitions of all metrics, so that neither can say what the other does not. */

import { withoutCounterpart } from "../sidecar/observability/metrics/original.ts";
import type { Description, LabelText } from "../sidecar/observability/metric.ts";
import { createMetrics } from "../sidecar/observability/metrics.ts";
import { anchorOf } from "./markdown.ts";

const head = `# Metrics

Made by \`npm run docs\` from \`sidecar/observability/metrics/\`: do not edit.

\`GET /metrics\` on the admin port (\`POGO_ADMIN_PORT\`) serves Prometheus' text format. In addition to the metrics listed here it has those of the process and of Node's runtime (\`process_…\`, \`nodejs_…\`).

All labels come from closed sets, so clients can't create series. Counters and gauges whose label values are all listed here, or are \`app_id\`, exist with 0 from the start. If that made more than 300 series of one metric, as with very many apps, each series appears with its first value instead. A gauge that is read at each scrape costs nothing in between.

With several workers (\`POGO_WORKERS\`) a value is the sum over all of them, unless stated otherwise. When a worker exits, its counts stay in the sums as of the last scrape. \`nodejs_eventloop_lag_…\` is the maximum of all, and \`process_start_time_seconds\` is the supervisor's.

[alerts.md](alerts.md) says which of them indicate a problem, and what to do; the [dashboard](operations.md#metrics) shows those worth watching.
`;

const original = `## The original's metrics

All others that the original (the Pogo WebSocket module for FrankenPHP) has are here under the same name. \`app_id\` is a label of more of them here. These are not:

| There | Here |
| --- | --- |`;

export function renderMetricsDocs(): string {
  const { rooms } = createMetrics();
  const sections = rooms.map(
    ({ title, descriptions }) => `## ${title}\n\n${descriptions.map(render).join("\n")}`,
  );
  const missing = Object.entries(withoutCounterpart).map(
    ([name, why]) => `| \`${name}\` | ${why} |`,
  );
  return [head, ...rooms.map(renderEntry), "", ...sections, original, ...missing, ""].join("\n");
}

/** The room's line in the table of contents. */
function renderEntry({
  title,
  descriptions,
}: {
  readonly title: string;
  readonly descriptions: readonly Description[];
}): string {
  const names = descriptions.map(({ name }) => `[\`${name}\`](#${name})`);
  return `- **[${title}](#${anchorOf(title)})**: ${names.join(", ")}`;
}

const overSeveral: Readonly<Record<Description["overWorkers"], string | null>> = {
  sum: null,
  min: "the least of all",
  max: "the most of all",
  first: "the same for all",
};

function render(description: Description): string {
  const { name, type, unit, help, moves, action, labels, overWorkers } = description;
  const several = overSeveral[overWorkers];
  const names = Object.keys(labels).map((label) => `\`${label}\``);
  return [
    `### \`${name}\``,
    "",
    help,
    "",
    `- **Type**: ${type}, ${unitText(unit)}${names.length > 0 ? `; labels ${names.join(", ")}` : ""}`,
    `- **Moves**: ${moves}`,
    `- **What to do**: ${action}`,
    ...(several === null ? [] : [`- **With several workers**: ${several}`]),
    ...Object.entries(labels).flatMap(([label, text]) => renderLabel(label, text)),
    "",
  ].join("\n");
}

/** Most are of something; some say themselves what they can be. */
function unitText(unit: string): string {
  return /^(always|0 or 1|the )/.test(unit) ? unit : `in ${unit}`;
}

function renderLabel(label: string, text: LabelText): string[] {
  if (typeof text === "string") return [`- \`${label}\`: ${text}`];
  const values = Object.entries(text).map(([value, meaning]) => `  - \`${value}\`: ${meaning}`);
  return [`- \`${label}\`:`, ...values];
}
