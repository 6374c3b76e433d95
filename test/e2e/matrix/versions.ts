/** Which versions the matrix runs with, from the packages as they are installed. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dirname, "../../..");

/** @param alias its name in node_modules */
export function npmVersion(alias: string): string {
  const manifest = readJson(join(repository, "node_modules", alias, "package.json"));
  return (manifest as { version: string }).version;
}

/** Which package.json pins: `5.3.4`, or `npm:pusher@5.2.0` for an alias. */
export function pinnedNpmVersion(alias: string): string {
  const manifest = readJson(join(repository, "package.json"));
  const { devDependencies } = manifest as { devDependencies: Record<string, string> };
  return devDependencies[alias]?.split("@").at(-1) ?? "";
}

/** Which the test app pins: `vendorFolder` is its own, or that of its older packages. */
export function composerVersion(vendorFolder: string, name: string): string {
  const manifest = readJson(join(vendorFolder, "../composer.json"));
  return (manifest as { require: Record<string, string> }).require[name] ?? "";
}

/** Which Composer has installed there. */
export function installedVersion(vendorFolder: string, name: string): string | undefined {
  const installed = readJson(join(vendorFolder, "composer/installed.json"));
  const { packages } = installed as { packages: { name: string; version: string }[] };
  return packages.find((candidate) => candidate.name === name)?.version.replace(/^v/, "");
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
