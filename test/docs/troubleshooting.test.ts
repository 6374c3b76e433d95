import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderTroubleshootingDocs, symptoms } from "../../scripts/troubleshooting-docs.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("docs/troubleshooting.md", () => {
  it("says what the log says; npm run docs writes it", () => {
    assert.equal(read("docs/troubleshooting.md"), renderTroubleshootingDocs());
  });

  it("has every line that the log has as a warning", () => {
    const page = renderTroubleshootingDocs().replaceAll("`", "");
    const rows = globSync("sidecar/observability/events/*.ts", { cwd: root }).map(read).join("\n");
    const warnings = [...rows.matchAll(/level: "warn",\s+message:\s+"([^"]+)"/g)];
    assert.ok(warnings.length > 15);
    const missing = warnings.filter(([, message]) => !page.includes(`**${message}**`));
    assert.deepEqual(
      missing.map(([, message]) => message),
      [],
    );
  });

  it("shows no line twice, and for each what to do, or that it is a good sign", () => {
    const rows = renderTroubleshootingDocs()
      .split("\n")
      .filter((line) => line.startsWith("| **"));
    assert.deepEqual(rows, [...new Set(rows)]);
    const events = symptoms.flatMap(({ lines }) => lines);
    assert.equal(rows.length, events.length);
  });
});
