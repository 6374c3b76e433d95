// Which versions the matrix runs with, from the packages as they are installed.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { laravelFolder } from "../support/laravel.ts";

const repository = join(import.meta.dirname, "../../..");

/** @param alias its name in node_modules */
export function npmVersion(alias: string): string {
  const manifest = readJson(join(repository, "node_modules", alias, "package.json"));
  return (manifest as { version: string }).version;
}

/** What the test app asks Composer for, such as `^12.0`: it has no lock, each installation gets the newest. */
export function composerConstraint(name: string): string {
  const manifest = readJson(join(laravelFolder, "composer.json"));
  return (manifest as { require: Record<string, string> }).require[name] ?? "";
}

/** The installed version; the constraint where nothing is installed. */
export function composerVersion(name: string): string {
  const path = join(laravelFolder, "vendor/composer/installed.json");
  if (!existsSync(path)) return composerConstraint(name);
  const { packages } = readJson(path) as { packages: { name: string; version: string }[] };
  const found = packages.find((candidate) => candidate.name === name);
  return found?.version.replace(/^v/, "") ?? composerConstraint(name);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
