/** Whether resources are what the API server and the operators take, by the schemas of their packages. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../../kit/process.ts";
import { at } from "../documents.ts";

/** Those of resources that are not Kubernetes' own, by the group of their API. */
const packages: Readonly<Record<string, string>> = {
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
};

/**
 * Everything that is wrong with them, in words. Values are checked by the JSON schemas, which let fields pass that they
 * do not know; these are found by the types that were made of the same schemas.
 */
export async function schemaProblems(resources: readonly unknown[]): Promise<readonly string[]> {
  const problems = await Promise.all(resources.map(valueProblems));
  return [...problems.flat(), ...(problems.flat().length === 0 ? fieldProblems(resources) : [])];
}

async function valueProblems(resource: unknown): Promise<readonly string[]> {
  const name = nameOf(resource);
  const module: unknown = await import(moduleOf(resource)).catch(() => null);
  const Model = at(module, String(at(resource, "kind")));
  if (!isModel(Model)) return [`${name}: there is no schema`];
  try {
    new Model(resource).validate();
    return [];
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function fieldProblems(resources: readonly unknown[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "schemas-"));
  try {
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    // One a line, so that an error's line is its resource.
    const lines = resources.map((resource, index) => {
      const type = `import("${moduleOf(resource)}").I${String(at(resource, "kind"))}`;
      return `export const resource${index}: ${type} = ${JSON.stringify(resource)};`;
    });
    writeFileSync(join(folder, "resources.ts"), lines.join("\n"));
    const options = [
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--types",
      "",
    ];
    const tsc = join(repository, "node_modules/.bin/tsc");
    const { stdout } = spawnSync(tsc, [...options, "--pretty", "false", "resources.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    const errors = [...stdout.matchAll(/^resources\.ts\((\d+),\d+\): (.*)$/gm)];
    if (errors.length === 0 && stdout !== "") return [stdout];
    return errors.map(([, line, text]) => `${nameOf(resources[Number(line) - 1])}: ${text}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As `kubernetes-models/apps/v1/Deployment`. */
function moduleOf(resource: unknown): string {
  const version = String(at(resource, "apiVersion"));
  const found = packages[version.split("/")[0] ?? ""] ?? "kubernetes-models";
  return `${found}/${version}/${String(at(resource, "kind"))}`;
}

function nameOf(resource: unknown): string {
  return `${String(at(resource, "kind"))} ${String(at(resource, "metadata", "name"))}`;
}

function isModel(value: unknown): value is new (data: unknown) => { validate(): void } {
  return typeof value === "function";
}
