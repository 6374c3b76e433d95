/** What `kubectl kustomize` makes of deploy/k8s: of one kustomization, or of many combinations of components in one run. */

import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { commandPath } from "../../../sidecar/testing/needs.ts";
import { folder } from "./combinations.ts";

/** One resource, as kubectl wrote it and parsed; the same text is the same value. */
export interface Resource {
  readonly text: string;
  readonly value: unknown;
}

export type Build =
  | { readonly ok: true; readonly resources: readonly Resource[] }
  | { readonly ok: false; readonly problem: string };

/** A kubectl with Kustomize 5, on the PATH or where test/setup puts it; null if there is none. */
export function findKubectl(): string | null {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const commands = [commandPath("kubectl"), commandPath(join(cache, "pogo-sidecar/kubectl"))];
  return commands.find(isNewEnough) ?? null;
}

function isNewEnough(command: string | undefined): command is string {
  if (command === undefined) return false;
  const { stdout } = spawnSync(command, ["version", "--client"], { encoding: "utf8" });
  return /^Kustomize Version: v5\./m.test(stdout ?? "");
}

/**
 * What `kubectl apply -k .` would apply, or what kubectl says against it.
 *
 * @param files by path; beside them is a copy of deploy/k8s, named `k8s`
 */
export async function build(
  kubectl: string,
  files: Readonly<Record<string, string>>,
): Promise<Build> {
  const scratch = mkdtempSync(join(tmpdir(), "kustomize-"));
  try {
    cpSync(folder, join(scratch, "k8s"), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(scratch, path)), { recursive: true });
      writeFileSync(join(scratch, path), text);
    }
    const { stdout } = await run(kubectl, ["kustomize", scratch], {
      // Go collects its garbage less often, which halves the time.
      env: { ...process.env, GOGC: "400" },
      maxBuffer: 256 * 2 ** 20,
    });
    return { ok: true, resources: stdout.split(/^---\n/m).map(resourceOf) };
  } catch (error) {
    return { ok: false, problem: String(error) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const run = promisify(execFile);

/** The example app with these components. */
export function kustomization(components: readonly string[], example = "k8s"): object {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [`${example}/example`],
    components: components.map((name) => `${example}/components/${name}`),
  };
}

/** So many in one run: kubectl takes as long to start as to build some, and longer for each the more there are. */
const batch = 24;

/** The example app with each of these lists of components; throws what kubectl says where it refuses one. */
export async function buildAll(
  kubectl: string,
  combinations: readonly (readonly string[])[],
): Promise<readonly (readonly Resource[])[]> {
  const built: (readonly Resource[])[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < combinations.length) {
      const first = next;
      next += batch;
      const group = await buildBatch(kubectl, combinations.slice(first, next));
      for (const [index, resources] of group.entries()) built[first + index] = resources;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return built;
}

/** Each gets a namespace of its own, by which they are told apart again. */
async function buildBatch(
  kubectl: string,
  combinations: readonly (readonly string[])[],
): Promise<readonly (readonly Resource[])[]> {
  const names = combinations.map((_, index) => `c${index}`);
  const files = combinations.map((components, index) => [
    `${names[index]}/kustomization.yaml`,
    stringify({ ...kustomization(components, "../k8s"), namespace: names[index] }),
  ]);
  const all = await build(kubectl, {
    ...Object.fromEntries(files),
    "kustomization.yaml": stringify({ resources: names }),
  });
  if (!all.ok) throw new Error(all.problem);
  const built: Resource[][] = combinations.map(() => []);
  for (const { text } of all.resources) {
    const [line = "", index = ""] = /^ {2}namespace: c(\d+)\n/m.exec(text) ?? [];
    built[Number(index)]?.push(resourceOf(text.replace(line, "")));
  }
  return built;
}

const parsed = new Map<string, Resource>();

function resourceOf(text: string): Resource {
  const known = parsed.get(text);
  if (known) return known;
  const resource = { text, value: parse(text) as unknown };
  parsed.set(text, resource);
  return resource;
}
