/** The alerts as Prometheus reads them, as the Prometheus operator does, and as a page for who was woken by one. */

import { stringify } from "yaml";
import { anchorOf } from "../markdown.ts";
import { alertGroups } from "./alerts.ts";
import type { Alert } from "./alert.ts";

const head = "# Made by `npm run docs` from scripts/alerts/: do not edit.\n";
const page = "https://github.com/pogo-sidecar/pogo-sidecar/blob/main/docs/alerts.md";

/** A file for `rule_files` of Prometheus. */
export function renderRules(): string {
  return `${head}${toYaml({ groups: groups() })}`;
}

/** The same as a resource of the Prometheus operator, which has no other way to include a file. */
export function renderPrometheusRule(): string {
  const resource = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "pogo-sidecar" },
    spec: { groups: groups() },
  };
  return `${head}${toYaml(resource)}`;
}

export function renderAlertsDocs(): string {
  const sections = alertGroups.map(
    ({ title, alerts }) => `## ${title}\n\n${alerts.map(renderAlert).join("\n")}`,
  );
  return [docsHead, ...sections].join("\n");
}

const docsHead = `# Alerts

Made by \`npm run docs\` from \`scripts/alerts/\`: do not edit.

Each rule of [rules.yaml](../deploy/k8s/components/monitoring/rules.yaml) has a section here, which its annotation \`runbook_url\` links to; [prometheusrule.yaml](../deploy/k8s/components/monitoring/prometheusrule.yaml) has the same rules for the Prometheus operator. How to install them: [operations.md](operations.md#alerts). The metrics are described in [metrics.md](metrics.md).

\`critical\` is what users notice now: somebody should be woken. \`warning\` is what they will notice, or what some of them do: it can wait for the morning.
`;

function groups() {
  return alertGroups.map(({ name, alerts }) => ({ name, rules: alerts.map(toRule) }));
}

function toRule({ name, expr, severity, means, next, ...alert }: Alert) {
  return {
    alert: name,
    expr,
    ...(alert.for !== undefined && { for: alert.for }),
    labels: { severity },
    annotations: {
      summary: means,
      description: next,
      runbook_url: `${page}#${anchorOf(name)}`,
    },
  };
}

function renderAlert({ name, expr, severity, means, next, more, ...alert }: Alert): string {
  const after = alert.for === undefined ? "" : ` for ${alert.for}`;
  return [
    `### ${name}`,
    "",
    `\`${severity}\`${after}: \`${expr}\``,
    "",
    `- **Means**: ${withoutTemplates(means)}`,
    `- **Next**: ${next}`,
    `- **Then**: ${more}`,
    "",
  ].join("\n");
}

/** As a sentence, where Prometheus puts in what it is about. */
function withoutTemplates(text: string): string {
  return text
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, "`$1`")
    .replaceAll(/\{\{ \$value.*?\}\}/g, "…");
}

function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
