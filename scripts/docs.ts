/** `npm run docs`: writes the documents that are made of tables in the code. */

import { writeFileSync } from "node:fs";
import { renderConfigurationDocs } from "./configuration-docs.ts";
import { renderErrorsDocs } from "./errors-docs.ts";
import { renderMetricsDocs } from "./metrics-docs.ts";
import { renderTroubleshootingDocs } from "./troubleshooting-docs.ts";
import { renderCompatibilityDocs } from "../test/e2e/matrix/docs.ts";

const pages: Readonly<Record<string, () => string>> = {
  compatibility: renderCompatibilityDocs,
  configuration: renderConfigurationDocs,
  errors: renderErrorsDocs,
  metrics: renderMetricsDocs,
  troubleshooting: renderTroubleshootingDocs,
};

for (const [name, render] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}.md`, import.meta.url), render());
}
