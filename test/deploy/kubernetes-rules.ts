/** What must hold for the Kubernetes manifests (D11, D12 of the deployment checklist). */

import type { ImageCommand } from "./dockerfile-rules.ts";
import { at, entries, list, seconds } from "./documents.ts";
import { laravelNames, type Facts } from "./facts.ts";

/** Between the last possible end of the sidecar and the kubelet's SIGKILL, for what PHP still has to finish. */
const marginSeconds = 10;

/** Of a probe: the kubelet's default of 1 s is less than a busy node may need. */
const minTimeoutSeconds = 3;

/** Everything that is wrong with a Deployment that has the sidecar in it, and its Service, in words. */
export function kubernetesProblems(
  resources: readonly unknown[],
  facts: Facts,
  image: ImageCommand,
): readonly string[] {
  const deployment = resources.find((resource) => at(resource, "kind") === "Deployment");
  const service = resources.find((resource) => at(resource, "kind") === "Service");
  const policy = resources.find((resource) => at(resource, "kind") === "NetworkPolicy");
  const pod = at(deployment, "spec", "template", "spec");
  const sidecar = list(at(pod, "initContainers")).find(
    (container) => at(container, "name") === "pogo-sidecar",
  );
  return [
    ...podProblems(pod, sidecar, facts),
    ...sidecarProblems(sidecar, facts, image),
    ...probeProblems(sidecar, facts),
    ...appProblems(at(pod, "containers", 0), sidecar, facts),
    ...serviceProblems(service, deployment, sidecar, facts),
    ...policyProblems(policy, deployment),
  ];
}

function podProblems(pod: unknown, sidecar: unknown, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const apps = list(at(pod, "containers"));
  for (const container of [...apps, sidecar]) {
    problems.push(...securityProblems(pod, container), ...environmentProblems(container, facts));
  }
  if (at(pod, "enableServiceLinks") !== false) {
    problems.push("pod: a Service named reverb would set REVERB_PORT");
  }
  if (at(pod, "automountServiceAccountToken") !== false) problems.push("pod: has an API token");

  const sleeps = apps.map((app) => Number(at(app, "lifecycle", "preStop", "sleep", "seconds")));
  if (!sleeps.every((sleep) => sleep > 0)) {
    problems.push("pod: the app ends before the nodes know that it is going");
  }
  const timeout = environment(sidecar).get("POGO_SHUTDOWN_TIMEOUT");
  const shutdown = timeout === undefined ? facts.shutdownTimeoutSeconds : seconds(timeout);
  const needed = Math.max(...sleeps) + shutdown + marginSeconds;
  if (!(Number(at(pod, "terminationGracePeriodSeconds")) >= needed)) {
    problems.push(`pod: terminationGracePeriodSeconds is less than the ${needed} s needed`);
  }
  return problems;
}

/** Pod Security Standards, profile "restricted". */
function securityProblems(pod: unknown, container: unknown): readonly string[] {
  const effective = (key: string): unknown =>
    at(container, "securityContext", key) ?? at(pod, "securityContext", key);
  const holds: readonly (readonly [string, boolean])[] = [
    ["runAsNonRoot", effective("runAsNonRoot") === true],
    ["runAsUser", Number(effective("runAsUser")) > 0],
    ["allowPrivilegeEscalation", effective("allowPrivilegeEscalation") === false],
    ["capabilities", list(at(effective("capabilities"), "drop")).join() === "ALL"],
    ["seccompProfile", at(effective("seccompProfile"), "type") === "RuntimeDefault"],
    ["readOnlyRootFilesystem", effective("readOnlyRootFilesystem") === true],
    ["a memory limit", at(container, "resources", "limits", "memory") !== undefined],
  ];
  const name = String(at(container, "name"));
  return holds.filter(([, held]) => !held).map(([what]) => `${name}: ${what} is missing or wrong`);
}

function environmentProblems(container: unknown, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const name = String(at(container, "name"));
  for (const variable of list(at(container, "env"))) {
    const key = String(at(variable, "name"));
    if (!facts.optionNames.has(key) && !laravelNames.has(key)) {
      problems.push(`${name}: ${key} is no option`);
    }
    const value = at(variable, "value");
    if (value !== undefined && /SECRET|PASSWORD/.test(key)) {
      problems.push(`${name}: ${key} is written down`);
    }
    if (value !== undefined && typeof value !== "string") {
      problems.push(`${name}: ${key} is no text`);
    }
  }
  return problems;
}

function sidecarProblems(sidecar: unknown, facts: Facts, image: ImageCommand): readonly string[] {
  const problems: string[] = [];
  const env = environment(sidecar);
  for (const [name] of env) {
    if (!facts.optionNames.has(name)) problems.push(`pogo-sidecar: ${name} is no option`);
  }
  if (at(sidecar, "restartPolicy") !== "Always") problems.push("pogo-sidecar: no native sidecar");
  if (at(sidecar, "securityContext", "runAsUser") !== image.user) {
    problems.push(`pogo-sidecar: another user than the image's ${image.user}`);
  }
  const ports = { http: portOf(sidecar, "http"), admin: portOf(sidecar, "admin") };
  const http = Number(env.get("POGO_PORT") ?? facts.port);
  const admin = Number(env.get("POGO_ADMIN_PORT") ?? facts.adminPort);
  if (ports.http !== http) problems.push(`pogo-sidecar: port http is ${ports.http}, not ${http}`);
  if (ports.admin !== admin) {
    problems.push(`pogo-sidecar: port admin is ${ports.admin}, not ${admin}`);
  }
  if (env.get("POGO_ADMIN_HOST") !== "0.0.0.0") {
    problems.push("pogo-sidecar: the kubelet can't reach the admin port");
  }
  if (!env.has("POGO_TRUSTED_PROXIES")) {
    problems.push("pogo-sidecar: all visitors have the Ingress's address");
  }
  return problems;
}

function probeProblems(sidecar: unknown, facts: Facts): readonly string[] {
  const problems: string[] = [];
  // Only readiness may depend on anything outside the process: the app starts after the startup probe has passed.
  const paths = { startupProbe: "/livez", livenessProbe: "/livez", readinessProbe: "/readyz" };
  for (const [probe, expected] of Object.entries(paths)) {
    const path = String(at(sidecar, probe, "httpGet", "path"));
    const port = at(sidecar, probe, "httpGet", "port");
    if (!facts.adminPaths.has(path)) problems.push(`${probe}: the admin port has no ${path}`);
    if (path !== expected) problems.push(`${probe}: asks ${path} instead of ${expected}`);
    if (portOf(sidecar, port) !== portOf(sidecar, "admin")) {
      problems.push(`${probe}: port ${String(port)} is not the admin port`);
    }
    if (!(Number(at(sidecar, probe, "timeoutSeconds")) >= minTimeoutSeconds)) {
      problems.push(`${probe}: a busy second fails it`);
    }
  }
  return problems;
}

function appProblems(app: unknown, sidecar: unknown, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const env = environment(app);
  const command = [
    ...list(at(app, "command")),
    ...list(at(app, "readinessProbe", "exec", "command")),
  ];
  if (!command.every((word) => typeof word === "string")) problems.push("app: a word is no text");
  if (!command.includes("--no-reload")) {
    problems.push("app: without --no-reload there is one worker");
  }
  if (!(Number(env.get("PHP_CLI_SERVER_WORKERS")) > 1)) {
    problems.push("app: PHP_CLI_SERVER_WORKERS is not above 1");
  }
  const upstream = URL.parse(String(environment(sidecar).get("POGO_UPSTREAM") ?? facts.upstream));
  const listens = [`--host=${upstream?.hostname}`, `--port=${upstream?.port}`];
  if (upstream?.hostname !== "127.0.0.1" || !listens.every((word) => command.includes(word))) {
    problems.push("app: does not listen on loopback where POGO_UPSTREAM says");
  }
  const publishes = `${env.get("REVERB_HOST")}:${env.get("REVERB_PORT")}`;
  if (publishes !== `127.0.0.1:${facts.port}`) problems.push(`app: publishes to ${publishes}`);
  const sockets = [app, sidecar].map((container) => environment(container).get("POGO_API_SOCKET"));
  const [folder] = sockets.map((path) => /^(\/.+)\/[^/]+$/.exec(String(path))?.[1]);
  const volumes = [app, sidecar].map((container) => {
    const mount = list(at(container, "volumeMounts")).find(
      (one) => at(one, "mountPath") === folder,
    );
    return at(mount, "name");
  });
  if (new Set(sockets).size > 1 || new Set(volumes).size > 1 || typeof volumes[0] !== "string") {
    problems.push("app: does not find the sidecar's socket");
  }
  return problems;
}

function serviceProblems(
  service: unknown,
  deployment: unknown,
  sidecar: unknown,
  facts: Facts,
): readonly string[] {
  const problems: string[] = [];
  const targets = list(at(service, "spec", "ports")).map((port) => at(port, "targetPort"));
  if (targets.length !== 1) problems.push("service: has another port than the sidecar's");
  for (const target of targets) {
    if (typeof target !== "string") {
      problems.push(`service: targetPort ${String(target)} is no name`);
    }
    if (portOf(sidecar, target) !== facts.port) {
      problems.push(`service: ${String(target)} is no port`);
    }
  }
  if (!selectsPods(at(service, "spec", "selector"), deployment)) {
    problems.push("service: does not select the pods");
  }
  return problems;
}

/** The public port is for everybody, the admin port for some, and no other port for anybody. */
function policyProblems(policy: unknown, deployment: unknown): readonly string[] {
  const problems: string[] = [];
  if (!selectsPods(at(policy, "spec", "podSelector", "matchLabels"), deployment)) {
    problems.push("network policy: does not select the pods");
  }
  if (!list(at(policy, "spec", "policyTypes")).includes("Ingress")) {
    problems.push("network policy: is not about what comes in");
  }
  const open = new Map<unknown, readonly unknown[]>();
  for (const rule of list(at(policy, "spec", "ingress"))) {
    const ports = list(at(rule, "ports")).map((port) => at(port, "port"));
    if (ports.length === 0) problems.push("network policy: a rule opens every port");
    for (const port of ports) open.set(port, list(at(rule, "from")));
  }
  if (open.get("http")?.length !== 0) problems.push("network policy: the app is not for everybody");
  if (open.get("admin")?.length === 0) {
    problems.push("network policy: the admin port is for everybody");
  }
  const others = [...open.keys()].filter((port) => port !== "http" && port !== "admin");
  return [...problems, ...others.map((port) => `network policy: opens ${String(port)}`)];
}

function selectsPods(selector: unknown, deployment: unknown): boolean {
  const labels = new Map(entries(at(deployment, "spec", "template", "metadata", "labels")));
  const wanted = entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels.get(key) === value);
}

function environment(container: unknown): ReadonlyMap<string, unknown> {
  return new Map(
    list(at(container, "env")).map((entry) => [String(at(entry, "name")), at(entry, "value")]),
  );
}

/** The number of a container's port, by name. */
function portOf(container: unknown, name: unknown): unknown {
  const port = list(at(container, "ports")).find((candidate) => at(candidate, "name") === name);
  return at(port, "containerPort");
}
