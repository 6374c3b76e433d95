import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** What a file imports before it runs, and so everything that starts with it; types aside. */
function packagesOf(url: URL, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(url.href)) return packages;
  seen.add(url.href);
  const source = readFileSync(url, "utf8");
  for (const [, specifier = ""] of source.matchAll(
    /^(?:import|export)(?! type).*?from "(.*?)";/gms,
  )) {
    if (specifier.startsWith("node:")) continue;
    const isOwn = specifier.startsWith(".");
    const found = isOwn ? packagesOf(new URL(specifier, url), seen) : [specifier];
    for (const name of found) packages.add(name);
  }
  return packages;
}

test("a node starts with three packages: Redis, and WebSockets of the app, are loaded where they are used", () => {
  const start = new URL("../cli/start.ts", import.meta.url);
  assert.deepEqual([...packagesOf(start)].toSorted(), ["lru-cache", "pino", "prom-client"]);
});

test("nor is undici, which an import of node:http would load", () => {
  const start = new URL("../cli/start.ts", import.meta.url).href;
  const code = `
    await import(${JSON.stringify(start)});
    console.log(process.moduleLoadList.filter((name) => name.includes("undici")).length);`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", code]);
  assert.equal(String(printed), "0\n");
});
