/** `npm run docs`: writes the documents that are made of tables in the code. */

import { writeFileSync } from "node:fs";
import { renderConfigurationDocs } from "./configuration-docs.ts";
import { renderMetricsDocs } from "./metrics-docs.ts";
import { renderCompatibilityDocs } from "../test/e2e/matrix/docs.ts";

const target = new URL("../docs/configuration.md", import.meta.url);
writeFileSync(target, renderConfigurationDocs());
const metrics = new URL("../docs/metrics.md", import.meta.url);
writeFileSync(metrics, renderMetricsDocs());
const compatibility = new URL("../docs/compatibility.md", import.meta.url);
writeFileSync(compatibility, renderCompatibilityDocs());
