/** Builds every combination of deploy/k8s with the real Kustomize, and holds each against the schemas and the code. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { lacking } from "../../../sidecar/testing/needs.ts";
import { imageCommand } from "../dockerfile-rules.ts";
import { at, entries, list, parseDockerfile } from "../documents.ts";
import { sidecarFacts } from "../sidecar-facts.ts";
import { aroundProblems } from "./around-rules.ts";
import { combinations, folder } from "./combinations.ts";
import { graceProblems } from "./grace.ts";
import { build, buildAll, findKubectl, kustomization, type Resource } from "./kustomize.ts";
import { ofKind, readPod } from "./pod.ts";
import { podProblems, type Image } from "./pod-rules.ts";
import { schemaProblems } from "./schemas.ts";

const root = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const facts = await sidecarFacts();
const { version } = JSON.parse(read("package.json")) as { version: string };
const image: Image = {
  ...imageCommand(parseDockerfile(read("Dockerfile"))),
  name: `ghcr.io/pogo-sidecar/pogo-sidecar:${version}`,
};

/** Everything that is wrong with what a kustomization makes, in words. */
function problemsOf(resources: readonly unknown[]): readonly string[] {
  const pod = readPod(resources, image.environment);
  return [
    ...podProblems(pod, facts, image),
    ...graceProblems(pod, facts),
    ...aroundProblems(resources, pod, facts),
  ];
}

const kubectl = findKubectl();
const skip = kubectl === null && lacking("no kubectl with Kustomize 5");

/** Builds files beside a copy of deploy/k8s, which is named k8s. */
async function built(files: Readonly<Record<string, string>>): Promise<readonly Resource[]> {
  const result = await build(kubectl ?? "", files);
  assert.ok(result.ok, JSON.stringify(result));
  return result.resources;
}

describe("D10: deploy/k8s, built by Kustomize", { skip }, () => {
  const all = combinations();
  let builds: readonly (readonly Resource[])[] = [];
  before(async () => {
    builds = await buildAll(kubectl ?? "", all);
  });

  it("every combination of components has no fault: names, ports, metrics, options, and the stop adds up", () => {
    const faulty = builds.flatMap((resources, index) =>
      problemsOf(resources.map(({ value }) => value)).map(
        (text) => `${all[index]?.join()}: ${text}`,
      ),
    );
    assert.deepEqual(faulty.slice(0, 20), []);
    assert.ok(all.length > 1000, `${all.length} combinations`);
  });

  it("every resource of every combination is what the API server and the operators take", async () => {
    const different = new Set(builds.flat().map(({ value }) => value));
    assert.deepEqual(await schemaProblems([...different]), []);
    assert.ok(different.size > 30, `${different.size} resources`);
  });

  it("each component adds what its name says", () => {
    const kinds: Readonly<Record<string, readonly string[]>> = {
      autoscaling: ["HorizontalPodAutoscaler"],
      "disruption-budget": ["PodDisruptionBudget"],
      gateway: ["HTTPRoute"],
      ingress: ["Ingress", "Ingress"],
      monitoring: ["ConfigMap", "PodMonitor", "PrometheusRule"],
      "network-policy": ["NetworkPolicy"],
    };
    const ofExample = ["ConfigMap", "ConfigMap", "Deployment", "Deployment", "Service"];
    for (const [index, components] of all.entries()) {
      const expected = [...ofExample, ...components.flatMap((name) => kinds[name] ?? [])];
      const found = (builds[index] ?? []).map(({ value }) => String(at(value, "kind")));
      assert.deepEqual(found.toSorted(), expected.toSorted(), components.join());
    }
  });

  it("native: before the app, restarted; classic: an ordinary container, behind the app", () => {
    for (const [index, [sidecar]] of all.entries()) {
      const { isNative, spec } = readPod(
        (builds[index] ?? []).map(({ value }) => value),
        {},
      );
      assert.equal(isNative, sidecar === "sidecar");
      const names = list(at(spec, "containers")).map((container) => at(container, "name"));
      assert.deepEqual(names, isNative ? ["app"] : ["app", "pogo-sidecar"]);
    }
  });

  for (const overlay of readdirSync(join(folder, "overlays"))) {
    it(`overlays/${overlay} is one of them`, async () => {
      const text = read(`deploy/k8s/overlays/${overlay}/kustomization.yaml`);
      const components = list(at(parse(text), "components")).map((path) =>
        String(path).replace("../../components/", ""),
      );
      assert.ok(all.some((one) => one.toSorted().join() === components.toSorted().join()));
      const resources = await built({
        "kustomization.yaml": stringify({ resources: [`k8s/overlays/${overlay}`] }),
      });
      assert.deepEqual(problemsOf(resources.map(({ value }) => value)), []);
    });
  }
});

describe("D10: docs/kubernetes.md, in somebody's own app", { skip }, () => {
  const page = read("docs/kubernetes.md");
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = ""]) => text);
  const own = blocks.find((text) => text.includes("kind: Kustomization")) ?? "";

  /** Other names than the example's, init containers, a port named http, no environment, a label of its own. */
  const files = {
    "kustomization.yaml": own.replaceAll("pogo/", "k8s/components/"),
    "deployment.yaml": read("test/deploy/kubernetes/own/deployment.yaml"),
    "service.yaml": read("test/deploy/kubernetes/own/service.yaml"),
  };

  it("its kustomization puts the sidecar into it, and has no fault", async () => {
    assert.ok(own.includes("pogo/sidecar\n"), "no component by its path");
    const resources = (await built(files)).map(({ value }) => value);
    assert.deepEqual(problemsOf(resources), []);
    assert.deepEqual(await schemaProblems(resources), []);
    const { spec, options } = readPod(resources, {});
    const initial = list(at(spec, "initContainers")).map((container) => at(container, "name"));
    assert.deepEqual(initial, ["pogo-sidecar", "migrate"]);
    assert.equal(options.get("POGO_PORT"), "9000");
  });

  it("the build fails where the app has a preStop of its own, which would be lost", async () => {
    const deployment = `${files["deployment.yaml"]}          lifecycle: { preStop: { exec: { command: [php, down] } } }\n`;
    const result = await build(kubectl ?? "", { ...files, "deployment.yaml": deployment });
    assert.match(result.ok ? "" : result.problem, /lifecycle/);
  });

  it("the build fails where a name is missing that a component reads", async () => {
    const text = files["kustomization.yaml"].replace(/^ +- app=.*\n/m, "");
    const result = await build(kubectl ?? "", { ...files, "kustomization.yaml": text });
    assert.match(result.ok ? "" : result.problem, /data\.app.*pogo-names/);
  });
});

/** What a text becomes, in which kind of resource of all components; and what is then said about it. */
const broken: readonly (readonly [
  kind: string,
  from: string | RegExp,
  to: string,
  problem: RegExp,
])[] = [
  ["Deployment", "restartPolicy: Always", "restartPolicy: Never", /the sidecar drains after 0 s/],
  ["Deployment", /(readiness.*?path: )\/readyz/s, "$1/ready", /the admin port has no \/ready$/m],
  ["Deployment", /(startup.*?path: )\/livez/s, "$1/readyz", /startupProbe: asks \/readyz/],
  ["Deployment", /(liveness.*?port: )pogo-admin/s, "$1pogo-http", /is not the admin port/],
  ["Deployment", "containerPort: 2019", "containerPort: 9090", /port pogo-admin is 9090/],
  ["Deployment", "value: 0.0.0.0", "value: 127.0.0.1", /kubelet can't reach/],
  ["Deployment", "GracePeriodSeconds: 45", "GracePeriodSeconds: 32", /less than the 33 s needed/],
  ["Deployment", "seconds: 10", "seconds: 0", /before the nodes know/],
  ["Deployment", "runAsUser: 65532", "runAsUser: 0", /pogo-sidecar: runAsUser/],
  [
    "Deployment",
    /(pogo-sidecar:0.*?)readOnlyRootFilesystem: true/s,
    "$1readOnlyRootFilesystem: false",
    /pogo-sidecar: readOnlyRootFilesystem/,
  ],
  [
    "Deployment",
    "readOnlyRootFilesystem: true",
    "readOnlyRootFilesystem: false",
    /app: readOnlyRootFilesystem/,
  ],
  ["Deployment", /(startup.*?timeoutSeconds: )3/s, "$11", /startupProbe: a busy second/],
  ["Deployment", "enableServiceLinks: false", "enableServiceLinks: true", /would set REVERB_PORT/],
  [
    "Deployment",
    /(name: REVERB_HOST\n +value: ).*/,
    "$1example.com",
    /app: publishes to http,example.com/,
  ],
  ["Deployment", /(name: POGO_API_SOCKET\n +value: ).*/, "$1/tmp/api.sock", /sidecar's socket/],
  ["Deployment", "mountPath: /var/lib/pogo", "mountPath: /tmp", /no volume keeps what it leaves/],
  ["Deployment", "name: pogo-state\n", "name: other\n", /no volume keeps what it leaves/],
  ["Deployment", "pogo-sidecar:0", "pogo-sidecar:9", /image .*:9\.1\.0 is not/],
  [
    "Deployment",
    /(pogo-sidecar: )example-app\n( +spec:)/,
    "$1other\n$2",
    /does not select the pods/,
  ],
  ["ConfigMap", "POGO_UPSTREAM", "POGO_UPSTREM", /POGO_UPSTREM is no option/],
  [
    "ConfigMap",
    /POGO_UPSTREAM: .*/,
    "POGO_UPSTREAM: 127.0.0.1 8000",
    /would not start: POGO_UPSTREAM/,
  ],
  ["ConfigMap", /\n +POGO_TRUSTED_PROXIES: .*/, "", /have the Ingress's address/],
  ["ConfigMap", /POGO_PORT: .*/, 'POGO_PORT: "9090"', /port pogo-http is 8080, not 9090/],
  ["ConfigMap", /\n +POGO_REDIS_HOST: .*/, "", /10 pods, and no Redis/],
  [
    "ConfigMap",
    "POGO_PORT:",
    'POGO_SHUTDOWN_TIMEOUT: "60s"\n  POGO_PORT:',
    /less than the 85 s needed/,
  ],
  ["Service", "targetPort: pogo-http", "targetPort: pogo-admin", /pogo-admin is no port/],
  ["Service", "/name: example-app", "/name: other", /does not select the pods/],
  ["NetworkPolicy", "pogo-sidecar: example-app", "pogo-sidecar: other", /does not select the pods/],
  ["NetworkPolicy", "- Ingress", "- Egress", /is not about what comes in/],
  ["NetworkPolicy", /- from:.*?ports:/s, "- ports:", /the admin port is for everybody/],
  ["NetworkPolicy", "port: pogo-http", "port: web", /opens web/],
  ["Ingress", "name: http\n", "name: web\n", /example-app is no Service/],
  ["Ingress", /\n +\S+x-forwarded-prefix: .*/, "", /lets a client's X-Forwarded-Prefix pass/],
  ["HTTPRoute", "request: 0s", "request: 60s", /request times out on \/app/],
  ["HTTPRoute", "- X-Forwarded-Host", "- X-Other", /lets a client's X-Forwarded-Host pass/],
  ["HorizontalPodAutoscaler", "connections_active", "connections", /there is no metric/],
  ["HorizontalPodAutoscaler", 'averageValue: "6000"', 'averageValue: "10000"', /scales too late/],
  [
    "HorizontalPodAutoscaler",
    "stabilizationWindowSeconds: 900",
    "stabilizationWindowSeconds: 0",
    /down as fast as up/,
  ],
  [
    "PodDisruptionBudget",
    "maxUnavailable: 1",
    "maxUnavailable: 0",
    /lets more than one go, or none/,
  ],
  ["PodMonitor", "path: /metrics", "path: /metric", /the admin port has no \/metric$/m],
];

describe("the Kubernetes check", { skip }, () => {
  let everything: readonly Resource[] = [];
  before(async () => {
    const native = combinations().filter(([sidecar]) => sidecar === "sidecar");
    const most = native.toSorted((one, other) => other.length - one.length)[0] ?? [];
    everything = await built({ "kustomization.yaml": stringify(kustomization(most)) });
  });

  for (const [kind, from, to, problem] of broken) {
    it(`sees ${kind}: ${String(from)} → ${to || "nothing"}`.replaceAll("\n", "⏎"), () => {
      let changed = 0;
      const resources = everything.map(({ text, value }) => {
        const other = at(value, "kind") === kind && changed === 0 ? text.replace(from, to) : text;
        if (other !== text) changed += 1;
        return other === text ? value : (parse(other) as unknown);
      });
      assert.equal(changed, 1, `${String(from)} is in no ${kind}`);
      assert.match(problemsOf(resources).join("\n"), problem);
    });
  }

  it("sees what the schemas do not have: a misspelt field, a wrong type, a kind without a schema", async () => {
    const [deployment] = ofKind(
      everything.map(({ value }) => value),
      "Deployment",
    );
    const problems = async (changes: Readonly<Record<string, unknown>>): Promise<string> => {
      const spec = { ...Object.fromEntries(entries(at(deployment, "spec"))), ...changes };
      const changed = { ...Object.fromEntries(entries(deployment)), spec };
      return (await schemaProblems([changed])).join();
    };
    assert.equal(await problems({}), "");
    assert.match(
      await problems({ replica: 2 }),
      /Deployment example-app: .*"replica"' does not exist/,
    );
    assert.match(
      await problems({ replicas: "two" }),
      /Deployment example-app: data\/spec\/replicas must be integer/,
    );
    assert.match(
      (await schemaProblems([{ apiVersion: "v9", kind: "Deployment" }])).join(),
      /no schema/,
    );
  });
});
