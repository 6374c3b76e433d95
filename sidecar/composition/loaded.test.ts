import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** Of all that `packagesOf` has looked at, by their address. */
const seenFiles = new Set<string>();

/** What a file imports before it runs, and so everything that starts with it; types aside. */
function packagesOf(url: URL, seen = seenFiles): Set<string> {
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

/** What a node in one process loads: the command, and what it makes of the configuration. */
const parts = ["../cli/start.ts", "../sidecar.ts"].map((path) => new URL(path, import.meta.url));

test("a node starts with three packages: Redis, and WebSockets of the app, are loaded where they are used", () => {
  const found = parts.flatMap((url) => [...packagesOf(url)]);
  assert.deepEqual([...new Set(found)].toSorted(), ["lru-cache", "pino", "prom-client"]);
});

test("the console is loaded by who looks at it", () => {
  packagesOf(new URL("../cli/start.ts", import.meta.url));
  const loaded = [...seenFiles].filter((file) => file.includes("/sidecar/console/"));
  assert.ok(seenFiles.size > 100);
  assert.deepEqual(loaded, []);
});

test("nor is anything of traces, but the samplers' names, which the options list", () => {
  packagesOf(new URL("../cli/start.ts", import.meta.url));
  const loaded = [...seenFiles].filter((file) => file.includes("/sidecar/tracing/"));
  assert.deepEqual(
    loaded.map((file) => file.split("/").at(-1)),
    ["sampler.ts"],
  );
});

test("nor is undici, which an import of node:http would load", () => {
  const code = `
    ${parts.map(({ href }) => `await import(${JSON.stringify(href)});`).join("\n")}
    console.log(process.moduleLoadList.filter((name) => name.includes("undici")).length);`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", code]);
  assert.equal(String(printed), "0\n");
});
