/** Holds the image, the compose file, the Kubernetes manifests and the papers against the option table and the code. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { dockerfileProblems, imageCommand } from "./dockerfile-rules.ts";
import { at, list, parseDockerfile } from "./documents.ts";
import {
  laravelNames,
  unknownAdminPaths,
  unknownAuthPaths,
  unknownMetrics,
  unknownNames,
  unknownPorts,
} from "./facts.ts";
import { kubernetesProblems } from "./kubernetes-rules.ts";
import { imagesOf, renderKustomization } from "./kustomize.ts";
import { environmentFaults, sidecarFacts } from "./sidecar-facts.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const facts = await sidecarFacts();
const dockerfileText = read("Dockerfile");
const dockerfile = parseDockerfile(dockerfileText);
const image = imageCommand(dockerfile);
const folder = "deploy/k8s";
const kustomizationText = read(`${folder}/kustomization.yaml`);
const kustomization: unknown = parse(kustomizationText);
const files = list(at(kustomization, "resources")).map(String);
const resources: unknown[] = files.map((file): unknown => parse(read(`${folder}/${file}`)));
const replacingReverb = read("docs/replacing-reverb.md");
const scaling = read("docs/scaling.md");

const texts: Readonly<Record<string, string>> = {
  Dockerfile: dockerfileText,
  ...Object.fromEntries(
    ["kustomization.yaml", ...files].map((file) => [
      `${folder}/${file}`,
      read(`${folder}/${file}`),
    ]),
  ),
  "docs/replacing-reverb.md": replacingReverb,
  "examples/demo.ts": read("examples/demo.ts"),
  "examples/app.ts": read("examples/app.ts"),
  "examples/page.js": read("examples/page.js"),
};

test("D16: the image has no root, no shell, pinned bases, and starts what exists", () => {
  assert.deepEqual(dockerfileProblems(dockerfile, facts), []);
});

test("D11: the manifests make a restricted pod with a native sidecar and true probes", () => {
  assert.deepEqual(kubernetesProblems(resources, facts, image), []);
});

test("D10: rendered as kubectl apply -k does, they are the same, with images of a version", () => {
  const rendered = renderKustomization(kustomization, resources);
  assert.ok(rendered.ok, JSON.stringify(rendered));
  assert.deepEqual(kubernetesProblems(rendered.resources, facts, image), []);
  const images = imagesOf(rendered.resources);
  assert.equal(images.length, 2);
  for (const name of images) assert.match(name, /\/[\w-]+:\d/);
});

test("D12: every environment name, port, path and metric in the files and papers exists", () => {
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

test("D12: the sidecar's environment in Kubernetes is a configuration without faults", () => {
  const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "secret" };
  const pod = at(resources[0], "spec", "template", "spec", "initContainers", 0);
  const plain = list(at(pod, "env"))
    .filter((variable) => at(variable, "value") !== undefined)
    .map((variable) => [at(variable, "name"), at(variable, "value")]);
  assert.deepEqual(environmentFaults({ ...credentials, ...Object.fromEntries(plain) }), []);
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
];

for (const [from, to, problem] of brokenImages) {
  test(`the image check sees ${title(from, to)}`, () => {
    const broken = parseDockerfile(change(dockerfileText, from, to));
    assert.match(dockerfileProblems(broken, facts).join("\n"), problem);
  });
}

const brokenManifests: readonly (readonly [from: string | RegExp, to: string, problem: RegExp])[] =
  [
    ["POGO_UPSTREAM", "POGO_UPSTREM", /POGO_UPSTREM is no option/],
    ["restartPolicy: Always", "restartPolicy: Never", /no native sidecar/],
    [
      "{ path: /readyz, port: admin }",
      "{ path: /ready, port: admin }",
      /the admin port has no \/ready$/m,
    ],
    [
      "{ path: /livez, port: admin }",
      "{ path: /readyz, port: admin }",
      /startupProbe: asks \/readyz/,
    ],
    ["{ path: /livez, port: admin }", "{ path: /livez, port: http }", /is not the admin port/],
    ["containerPort: 2019", "containerPort: 9090", /port admin is 9090/],
    ["value: 0.0.0.0", "value: 127.0.0.1", /kubelet can't reach/],
    ["GracePeriodSeconds: 45", "GracePeriodSeconds: 29", /less than the 30 s needed/],
    ["value: 10s", "value: 60s", /less than the 80 s needed/],
    ["sleep: { seconds: 10 }", "exec: { command: [sleep, '10'] }", /before the nodes know/],
    ["runAsUser: 65532", "runAsUser: 0", /pogo-sidecar: runAsUser/],
    [
      "allowPrivilegeEscalation: false",
      "allowPrivilegeEscalation: true",
      /allowPrivilegeEscalation/,
    ],
    ["drop: [ALL]", "drop: [NET_RAW]", /capabilities/],
    ["type: RuntimeDefault", "type: Unconfined", /seccompProfile/],
    [
      "readOnlyRootFilesystem: true",
      "readOnlyRootFilesystem: false",
      /pogo-sidecar: readOnlyRootFilesystem/,
    ],
    [
      /(containers:\n {8}- name: app.*)readOnlyRootFilesystem: true/s,
      "$1readOnlyRootFilesystem: false",
      /app: readOnlyRootFilesystem/,
    ],
    ["timeoutSeconds: 3", "timeoutSeconds: 1", /startupProbe: a busy second/],
    [/ +timeoutSeconds: 5\n( +failureThreshold)/, "$1", /livenessProbe: a busy second/],
    ["name: POGO_TRUSTED_PROXIES", "name: POGO_PATH", /have the Ingress's address/],
    ["enableServiceLinks: false", "enableServiceLinks: true", /would set REVERB_PORT/],
    ["--host=127.0.0.1", "--host=0.0.0.0", /does not listen on loopback/],
    ["--no-reload, ", "", /one worker/],
    ["value: &socket /run/pogo/api.sock", "value: &socket /tmp/api.sock", /sidecar's socket/],
    ["value: *socket", "value: /run/pogo/other.sock", /does not find the sidecar's socket/],
    ['"exit(@file', "exit(@file", /a word is no text|Nested mappings|Unexpected/],
    ["valueFrom: *secret", "value: hunter2", /REVERB_APP_SECRET is written down/],
  ];

const deployment = read(`${folder}/deployment.yaml`);
const [, service, policy] = resources;

for (const [from, to, problem] of brokenManifests) {
  test(`the Kubernetes check sees ${title(from, to)}`, () => {
    const broken: unknown = tryParse(change(deployment, from, to));
    assert.match(kubernetesProblems([broken, service, policy], facts, image).join("\n"), problem);
  });
}

const brokenKustomizations: readonly (readonly [from: string, to: string, problem: RegExp])[] = [
  ["kind: Kustomization", "kind: Kustomisation", /is no kustomization/],
  ["resources:", "resource:", /resource is not known/],
  ["name: pogo-sidecar", "name: pogo", /no container has the image pogo$/m],
  ['newTag: "0.1.0"', "newTag: 0.1", /image pogo-sidecar: newTag is no text/],
  ["newName: registry.example.com/pogo-sidecar", "newname: x", /newName is no text/],
];

for (const [from, to, problem] of brokenKustomizations) {
  test(`the rendering sees ${title(from, to)}`, () => {
    const rendered = renderKustomization(parse(change(kustomizationText, from, to)), resources);
    assert.match(rendered.ok ? "" : rendered.problems.join("\n"), problem);
  });
}

test("the Kubernetes check sees a Service that targets no port, or other pods", () => {
  const text = read(`${folder}/service.yaml`);
  const problemsOf = (from: string, to: string): string => {
    const broken: unknown = parse(change(text, from, to));
    return kubernetesProblems([resources[0], broken, policy], facts, image).join("\n");
  };
  assert.match(problemsOf("targetPort: http", "targetPort: web"), /service: web is no port/);
  assert.match(problemsOf("targetPort: http", "targetPort: 8080"), /8080 is no name/);
  assert.match(problemsOf("name: example-app }", "name: other }"), /does not select the pods/);
});

const brokenPolicies: readonly (readonly [from: string | RegExp, to: string, problem: RegExp])[] = [
  ["name: example-app }", "name: other }", /does not select the pods/],
  ["policyTypes: [Ingress]", "policyTypes: [Egress]", /is not about what comes in/],
  [/ {4}- from:.*?\n( +ports:\n +- \{ port: admin)/s, "    -\n$1", /admin port is for everybody/],
  ["{ port: http }", "{ port: web }", /the app is not for everybody|opens web/],
  [/ {6}ports:\n +- \{ port: admin \}\n/, "", /opens every port/],
];

for (const [from, to, problem] of brokenPolicies) {
  test(`the Kubernetes check sees a policy with ${title(from, to)}`, () => {
    const text = change(read(`${folder}/networkpolicy.yaml`), from, to);
    const broken = [resources[0], service, tryParse(text)];
    assert.match(kubernetesProblems(broken, facts, image).join("\n"), problem);
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

/** The problem of YAML that can't be parsed at all counts as seen. */
function tryParse(text: string): unknown {
  return parse(text, { strict: false, logLevel: "silent" });
}

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
