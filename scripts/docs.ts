/** `npm run docs`: writes the documents that are made of tables in the code, and what a monitoring needs of them. */

import { writeFileSync } from "node:fs";
import { renderAlertsDocs, renderPrometheusRule, renderRules } from "./alerts/render.ts";
import { renderConfigurationDocs } from "./configuration-docs.ts";
import { renderDashboard } from "./dashboard/render.ts";
import { renderErrorsDocs } from "./errors-docs.ts";
import { renderMetricsDocs } from "./metrics-docs.ts";
import { renderTroubleshootingDocs } from "./troubleshooting-docs.ts";
import { renderCompatibilityDocs } from "../test/e2e/matrix/docs.ts";

const monitoring = "deploy/k8s/components/monitoring";

const files: Readonly<Record<string, () => string>> = {
  "docs/alerts.md": renderAlertsDocs,
  "docs/compatibility.md": renderCompatibilityDocs,
  "docs/configuration.md": renderConfigurationDocs,
  "docs/errors.md": renderErrorsDocs,
  "docs/metrics.md": renderMetricsDocs,
  "docs/troubleshooting.md": renderTroubleshootingDocs,
  [`${monitoring}/dashboard.json`]: renderDashboard,
  [`${monitoring}/prometheusrule.yaml`]: renderPrometheusRule,
  [`${monitoring}/rules.yaml`]: renderRules,
};

for (const [path, render] of Object.entries(files)) {
  writeFileSync(new URL(`../${path}`, import.meta.url), render());
}
