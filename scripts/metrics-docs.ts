/** `docs/metrics.md`, made of the definitions of all metrics, so that neither can say what the other does not. */

import { withoutCounterpart } from "../sidecar/observability/metrics/original.ts";
import type { Description, LabelText } from "../sidecar/observability/metric.ts";
import { createMetrics } from "../sidecar/observability/metrics.ts";
import { anchorOf } from "./markdown.ts";

const head = `# Metrics

Made by \`npm run docs\` from \`sidecar/observability/metrics/\`: do not edit.

\`GET /metrics\` on the admin port (\`POGO_ADMIN_PORT\`) answers in Prometheus' text format. Beside what is listed here it has the metrics of the process and of Node's runtime (\`process_…\`, \`nodejs_…\`).

All labels come from closed sets: nothing that a client sends makes a new series. Counters and gauges whose labels have all their values listed here, or are \`app_id\`, are there from the start with 0, unless a metric had more than 300 series then: with very many apps each appears with the first of its kind. A gauge that is read at each scrape costs nothing in between.

With several workers (\`POGO_WORKERS\`) a value is the sum of all of them, unless it says otherwise here. What a worker had counted stays in the sums when it ends, as far as it was scraped. Of \`nodejs_eventloop_lag_…\` it is the most of all, and \`process_start_time_seconds\` is the supervisor's.

Which of them say that something is wrong, and what to do then, is in [alerts.md](alerts.md); the [dashboard](operations.md#metrics) draws what is worth looking at.
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
