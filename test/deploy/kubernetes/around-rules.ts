/** What must hold for everything around the pods: what leads to them, scales, guards and watches them. */

import { at, entries, list } from "../documents.ts";
import type { Facts } from "../facts.ts";
import { environment, ofKind, portOf, selects, type Pod } from "./pod.ts";
import { environmentProblems, securityProblems } from "./pod-rules.ts";

const compare = (one: string, other: string): number => (one < other ? -1 : 1);

type Rule = (
  resource: unknown,
  pod: Pod,
  facts: Facts,
  all: readonly unknown[],
) => readonly string[];

/** By kind; a kind that is not here is one that nobody has checked. */
const rules: Readonly<Record<string, Rule>> = {
  ConfigMap: () => [], // what the sidecar reads of it is among its options
  Deployment: (resource, pod, facts, all) =>
    resource === pod.deployment ? [] : workerProblems(resource, facts, all),
  HTTPRoute: routeProblems,
  HorizontalPodAutoscaler: autoscalerProblems,
  Ingress: ingressProblems,
  NetworkPolicy: policyProblems,
  PodDisruptionBudget: budgetProblems,
  PodMonitor: monitorProblems,
  PrometheusRule: () => [], // monitoring.test.ts holds its expressions against the metrics
  Service: serviceProblems,
};

/** Everything that is wrong, in words, each with the kind that it is wrong with. */
export function aroundProblems(
  resources: readonly unknown[],
  pod: Pod,
  facts: Facts,
): readonly string[] {
  const problems = resources.flatMap((resource) => {
    const kind = String(at(resource, "kind"));
    const rule = rules[kind];
    if (!rule) return [`${kind}: no rule says what must hold for it`];
    return rule(resource, pod, facts, resources).map((problem) => `${kind}: ${problem}`);
  });
  return [...problems, ...replicaProblems(resources, pod), ...spreadProblems(pod)];
}

function serviceProblems(service: unknown, pod: Pod): readonly string[] {
  const targets = list(at(service, "spec", "ports")).map((port) => at(port, "targetPort"));
  const problems = targets
    .filter((target) => target !== "pogo-http" || portOf(pod.sidecar, target) === undefined)
    .map((target) => `${String(target)} is no port of the sidecar's for everybody`);
  if (targets.length !== 1) problems.push("has another port than the sidecar's");
  if (!selects(at(service, "spec", "selector"), pod)) problems.push("does not select the pods");
  return problems;
}

/** A Service of that name has that port, given by number or name. */
function leadsToService(all: readonly unknown[], name: unknown, port: unknown): boolean {
  return ofKind(all, "Service").some(
    (service) =>
      at(service, "metadata", "name") === name &&
      list(at(service, "spec", "ports")).some((one) =>
        [String(at(one, "port")), at(one, "name")].includes(port),
      ),
  );
}

function ingressProblems(
  ingress: unknown,
  _pod: Pod,
  facts: Facts,
  all: readonly unknown[],
): readonly string[] {
  const problems: string[] = [];
  const prefix = "nginx.ingress.kubernetes.io/x-forwarded-prefix";
  if (at(ingress, "metadata", "annotations", prefix) !== "/") {
    problems.push("lets a client's X-Forwarded-Prefix pass");
  }
  const hosts = new Set(list(at(ingress, "spec", "tls")).flatMap((tls) => list(at(tls, "hosts"))));
  for (const rule of list(at(ingress, "spec", "rules"))) {
    if (!hosts.has(at(rule, "host"))) problems.push("has no certificate for its host");
    for (const path of list(at(rule, "http", "paths"))) {
      const service = at(path, "backend", "service");
      const leads = leadsToService(all, at(service, "name"), at(service, "port", "name"));
      if (!leads) problems.push(`${String(at(service, "name"))} is no Service`);
      if (at(path, "path") !== "/") problems.push(...idleProblems(ingress, facts));
    }
  }
  const paths = ofKind(all, "Ingress").flatMap((one) =>
    list(at(one, "spec", "rules", 0, "http", "paths")).map((path) => at(path, "path")),
  );
  if (paths.map(String).toSorted(compare).join() !== "/,/app,/r") {
    problems.push(`leads on ${paths.join()}`);
  }
  return problems;
}

function idleProblems(ingress: unknown, facts: Facts): readonly string[] {
  return ["proxy-read-timeout", "proxy-send-timeout"]
    .filter((name) => {
      const timeout = at(ingress, "metadata", "annotations", `nginx.ingress.kubernetes.io/${name}`);
      return !(Number(timeout) >= 10 * facts.pingIntervalSeconds) || typeof timeout !== "string";
    })
    .map((name) => `${name} cuts WebSockets that are idle`);
}

function routeProblems(
  route: unknown,
  _pod: Pod,
  _facts: Facts,
  all: readonly unknown[],
): readonly string[] {
  const problems: string[] = [];
  const parts = list(at(route, "spec", "rules")).map((rule) => {
    for (const { name, port } of list(at(rule, "backendRefs")).map((ref) =>
      Object.fromEntries(entries(ref)),
    )) {
      if (!leadsToService(all, name, String(port))) problems.push(`${String(name)} is no Service`);
    }
    const removed = new Set(
      list(at(rule, "filters")).flatMap((filter) =>
        list(at(filter, "requestHeaderModifier", "remove")),
      ),
    );
    for (const name of ["Host", "Port", "Prefix"]) {
      if (!removed.has(`X-Forwarded-${name}`)) {
        problems.push(`lets a client's X-Forwarded-${name} pass`);
      }
    }
    const paths = list(at(rule, "matches")).map((match) => at(match, "path", "value"));
    return [paths.join(), at(rule, "timeouts")] as const;
  });
  const timeouts = new Map(parts);
  if ([...timeouts.keys()].join(" ") !== "/app,/r /") {
    problems.push("leads on other paths than /app, /r and /");
  }
  for (const kind of ["request", "backendRequest"]) {
    // Gateway API, HTTPRouteTimeouts: a zero duration disables the timeout.
    if (at(timeouts.get("/app,/r"), kind) !== "0s") problems.push(`${kind} times out on /app`);
  }
  return problems;
}

/** Who scales by what there is, slowly down, and to more than one only with Redis. */
function autoscalerProblems(scaler: unknown, pod: Pod, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const spec = at(scaler, "spec");
  const name = at(pod.deployment, "metadata", "name");
  if (at(spec, "scaleTargetRef", "name") !== name) problems.push("scales another Deployment");
  if (at(pod.deployment, "spec", "replicas") !== undefined) {
    problems.push("the Deployment's own replicas would be set with each apply");
  }
  const [metric] = list(at(spec, "metrics"));
  const measured = String(at(metric, "pods", "metric", "name"));
  if (!facts.metricNames.has(measured)) problems.push(`there is no metric ${measured}`);
  const average = Number(at(metric, "pods", "target", "averageValue"));
  if (!(average > 0 && average <= 0.8 * facts.maxConnections)) problems.push("scales too late");
  const [down] = list(at(spec, "behavior", "scaleDown", "policies"));
  const [up] = list(at(spec, "behavior", "scaleUp", "policies"));
  const isSlow =
    Number(at(spec, "behavior", "scaleDown", "stabilizationWindowSeconds")) >= 600 &&
    at(down, "type") === "Pods" &&
    at(down, "value") === 1 &&
    Number(at(down, "periodSeconds")) >= 5 * Number(at(up, "periodSeconds"));
  if (!isSlow) problems.push("scales down as fast as up");
  if (!(Number(at(spec, "minReplicas")) >= 2)) problems.push("may leave a single pod");
  return problems;
}

function replicaProblems(
  resources: readonly unknown[],
  { deployment, options }: Pod,
): readonly string[] {
  const scaled = ofKind(resources, "HorizontalPodAutoscaler").map((one) =>
    at(one, "spec", "maxReplicas"),
  );
  const most = Math.max(...[at(deployment, "spec", "replicas") ?? 1, ...scaled].map(Number));
  const isJoined = options.get("POGO_REDIS_HOST") !== undefined;
  return most > 1 && !isJoined ? [`Deployment: ${most} pods, and no Redis that joins them`] : [];
}

function budgetProblems(budget: unknown, pod: Pod): readonly string[] {
  const problems: string[] = [];
  if (!selects(at(budget, "spec", "selector", "matchLabels"), pod)) {
    problems.push("does not select the pods");
  }
  if (at(budget, "spec", "maxUnavailable") !== 1) problems.push("lets more than one go, or none");
  return problems;
}

function spreadProblems(pod: Pod): readonly string[] {
  return list(at(pod.spec, "topologySpreadConstraints"))
    .filter((one) => !selects(at(one, "labelSelector", "matchLabels"), pod))
    .map(() => "Deployment: the spread does not select its pods");
}

function monitorProblems(monitor: unknown, pod: Pod, facts: Facts): readonly string[] {
  const problems: string[] = [];
  if (!selects(at(monitor, "spec", "selector", "matchLabels"), pod)) {
    problems.push("does not select the pods");
  }
  for (const endpoint of list(at(monitor, "spec", "podMetricsEndpoints"))) {
    const path = String(at(endpoint, "path"));
    if (!facts.adminPaths.has(path)) problems.push(`the admin port has no ${path}`);
    if (at(endpoint, "port") !== "pogo-admin") problems.push("asks another port");
  }
  return problems;
}

/** The public port is for everybody, the admin port for some, and no other port for anybody. */
function policyProblems(policy: unknown, pod: Pod): readonly string[] {
  const problems: string[] = [];
  if (!selects(at(policy, "spec", "podSelector", "matchLabels"), pod)) {
    problems.push("does not select the pods");
  }
  if (!list(at(policy, "spec", "policyTypes")).includes("Ingress")) {
    problems.push("is not about what comes in");
  }
  const open = new Map<unknown, readonly unknown[]>();
  for (const rule of list(at(policy, "spec", "ingress"))) {
    const ports = list(at(rule, "ports")).map((port) => at(port, "port"));
    if (ports.length === 0) problems.push("a rule opens every port");
    for (const port of ports) open.set(port, list(at(rule, "from")));
  }
  if (open.get("pogo-http")?.length !== 0) problems.push("the app is not for everybody");
  if (!open.get("pogo-admin")?.length) {
    problems.push("the admin port is for everybody, or for nobody");
  }
  const others = [...open.keys()].filter((port) => port !== "pogo-http" && port !== "pogo-admin");
  return [...problems, ...others.map((port) => `opens ${String(port)}`)];
}

/** A worker outside these pods; where it has an address to publish to, that is the Service. */
function workerProblems(worker: unknown, facts: Facts, all: readonly unknown[]): readonly string[] {
  const pod = at(worker, "spec", "template", "spec");
  const container = at(pod, "containers", 0);
  const problems = [...securityProblems(pod, container), ...environmentProblems(container, facts)];
  const [, timeout] = /--timeout=(\d+)/.exec(list(at(container, "command")).join(" ")) ?? [];
  if (!(Number(at(pod, "terminationGracePeriodSeconds")) > Number(timeout))) {
    problems.push("is killed in the middle of a job");
  }
  const env = environment(container);
  if (!env.has("REVERB_HOST")) return problems;
  for (const part of ["REVERB", "REVERB_INTERNAL"]) {
    const [scheme, host, port] = ["SCHEME", "HOST", "PORT"].map((name) =>
      env.get(`${part}_${name}`),
    );
    if (scheme !== "http" || !leadsToService(all, host, port)) {
      problems.push(`publishes to ${scheme}://${host}:${port}`);
    }
  }
  if (env.get("BROADCAST_CONNECTION") !== "reverb") problems.push("does not publish");
  return problems;
}
