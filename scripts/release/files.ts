/** Where the files of a release are that say which version it is. */

import { readFileSync, writeFileSync } from "node:fs";
import type { VersionedFiles } from "./versions.ts";

export const paths = {
  changelog: "CHANGELOG.md",
  manifest: "package.json",
  lock: "package-lock.json",
  named: ["README.md", "docs/laravel.md", "deploy/k8s/components/sidecar/sidecar.yaml"],
} as const;

/** @param root the checkout's folder, with a slash at its end */
export function readVersionedFiles(root: URL): VersionedFiles {
  const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
  return {
    changelog: read(paths.changelog),
    manifest: read(paths.manifest),
    lock: read(paths.lock),
    named: Object.fromEntries(paths.named.map((path) => [path, read(path)])),
  };
}

export function writeVersionedFiles(
  root: URL,
  { changelog, manifest, lock, named }: VersionedFiles,
): void {
  const write = (path: string, text: string): void => writeFileSync(new URL(path, root), text);
  write(paths.changelog, changelog);
  write(paths.manifest, manifest);
  write(paths.lock, lock);
  for (const [path, text] of Object.entries(named)) write(path, text);
}
