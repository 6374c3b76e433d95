/** Holds the image, the manifests' text and the documents against the option table and the code. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { dockerfileProblems } from "./dockerfile-rules.ts";
import { parseDockerfile } from "./documents.ts";
import {
  laravelNames,
  unknownAdminPaths,
  unknownAuthPaths,
  unknownMetrics,
  unknownNames,
  unknownPorts,
} from "./facts.ts";
import { environmentFaults, sidecarFacts } from "./sidecar-facts.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const facts = await sidecarFacts();
const dockerfileText = read("Dockerfile");
const dockerfile = parseDockerfile(dockerfileText);
const replacingReverb = read("docs/replacing-reverb.md");
const scaling = read("docs/scaling.md");

const texts: Readonly<Record<string, string>> = {
  Dockerfile: dockerfileText,
  ...Object.fromEntries(
    globSync("deploy/k8s/**/*.yaml", { cwd: fileURLToPath(root) })
      .filter((file) => !/rules?\.yaml$/.test(file)) // monitoring.test.ts
      .map((file) => [file, read(file)]),
  ),
  "docs/kubernetes.md": read("docs/kubernetes.md"),
  "docs/recipes.md": read("docs/recipes.md"),
  "docs/replacing-reverb.md": replacingReverb,
  "examples/demo.ts": read("examples/demo.ts"),
  "examples/app.ts": read("examples/app.ts"),
  "examples/page.js": read("examples/page.js"),
};

test("D16: the image has no root, no shell, pinned bases, and starts what exists", () => {
  assert.deepEqual(dockerfileProblems(dockerfile, facts), []);
});

test("D12: every environment name, port, path and metric in the files and documents exists", () => {
  const problems = Object.entries(texts).flatMap(([file, text]) =>
    [
      ...unknownNames(text, facts),
      ...unknownAdminPaths(text, facts),
      ...unknownAuthPaths(text, facts),
      ...unknownMetrics(text, facts),
      ...unknownPorts(text, facts),
    ].map((problem) => `${file}: ${problem}`),
  );
  assert.deepEqual(problems, []);
});

test("D12: the environment blocks of docs/replacing-reverb.md are a configuration without faults", () => {
  const blocks = dotenvBlocks(replacingReverb);
  assert.equal(blocks.length, 5);
  // The first is whole; the others are added to it.
  const [first] = blocks;
  for (const block of blocks) assert.deepEqual(environmentFaults({ ...first, ...block }), []);
});

test("D12: docs/scaling.md names only options that exist, and its environment block has no faults", () => {
  assert.deepEqual(unknownNames(scaling, facts), []);
  assert.deepEqual(unknownAdminPaths(scaling, facts), []);
  const [block] = dotenvBlocks(scaling);
  const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "secret" };
  assert.deepEqual(environmentFaults({ ...credentials, ...block }), []);
});

// The checks themselves: each must see what it is there for.

/** One line, whatever was changed. */
function title(from: string | RegExp, to: string): string {
  return `${String(from)} → ${to === "" ? "nothing" : to}`.replaceAll("\n", "⏎");
}

/** A text that was changed in one place; fails if there is nothing to change. */
function change(text: string, from: string | RegExp, to: string): string {
  const changed = text.replace(from, to);
  assert.notEqual(changed, text, `${String(from)} is not in the file`);
  return changed;
}

const brokenImages: readonly (readonly [from: string | RegExp, to: string, problem: RegExp])[] = [
  [":nonroot", ":latest", /not pinned/],
  ["node:24-trixie-slim AS build", "node AS build", /FROM node is not pinned/],
  ["USER 65532:65532", "USER nonroot", /USER nonroot is not a number/],
  ["USER 65532:65532", "USER 0:0", /USER 0:0 is not a number above 0/],
  ["USER 65532:65532\n", "", /USER {2}is not a number/],
  [/ENTRYPOINT .*/, "ENTRYPOINT node dist/main.js", /ENTRYPOINT needs a shell/],
  ['CMD ["start"]', 'CMD ["serve"]', /CMD serve is no command/],
  ['"healthcheck"]', '"health"]', /health check ends in health/],
  ["EXPOSE 8080 2019", "EXPOSE 8080 9090", /EXPOSE 8080,9090/],
  ["POGO_SHUTDOWN_TIMEOUT=8s", "POGO_SHUTDOWN_TIMEOUT=9s", /docker stop kills after 10 s/],
  [" \\\n    POGO_SHUTDOWN_TIMEOUT=8s", "", /docker stop kills after 10 s/],
  [/LABEL (.|\n)*?(?=WORKDIR)/, "", /LABEL org.opencontainers.image.source is missing/],
  ['base.name="gcr.io', 'base.name="docker.io', /LABEL says another base/],
  ["RUN --mount=type=cache,target=/root/.npm ", "RUN ", /downloads again at each build/],
];

for (const [from, to, problem] of brokenImages) {
  test(`the image check sees ${title(from, to)}`, () => {
    const broken = parseDockerfile(change(dockerfileText, from, to));
    assert.match(dockerfileProblems(broken, facts).join("\n"), problem);
  });
}

test("a misspelt name, port, path or metric in a text is seen", () => {
  assert.deepEqual(
    unknownNames("set `POGO_AUTH_PAHT` or REVERB_APP_*, or VITE_REVERB_HOTS", facts),
    ["POGO_AUTH_PAHT is no option", "VITE_REVERB_HOTS is no option"],
  );
  assert.deepEqual(unknownAdminPaths("curl http://127.0.0.1:2019/health", facts), [
    "the admin port has no /health",
  ]);
  assert.deepEqual(unknownAuthPaths("POST /broadcasting/authorize", facts), [
    "nobody asks /broadcasting/authorize",
  ]);
  assert.deepEqual(unknownMetrics("rate(pogo_websocket_connection_active[1m])", facts), [
    "there is no metric pogo_websocket_connection_active",
  ]);
  assert.deepEqual(unknownPorts("proxy_pass http://127.0.0.1:6001;", facts), [
    "nothing listens at port 6001",
  ]);
});

test("a bad value in an environment block is seen", () => {
  const [block = {}] = dotenvBlocks(replacingReverb);
  const broken = { ...block, POGO_UPSTREAM: "127.0.0.1 8000" };
  assert.match(environmentFaults(broken).join("\n"), /POGO_UPSTREAM/);
});

/** The fenced `dotenv` blocks of a Markdown text, without names that are Laravel's alone. */
function dotenvBlocks(text: string): readonly Record<string, string>[] {
  return [...text.matchAll(/^```dotenv\n(.*?)^```/gms)].map(([, block = ""]) =>
    Object.fromEntries(dotenv(block).filter(([name]) => !laravelNames.has(name))),
  );
}

function dotenv(text: string): readonly (readonly [string, string])[] {
  return [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value.replace(/^"(.*)"$/, "$1"),
  ]);
}
