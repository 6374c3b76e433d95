/** What must hold for a pod that got the sidecar (D11, D12 of the deployment checklist). */

import type { ImageCommand } from "../dockerfile-rules.ts";
import { at, list } from "../documents.ts";
import { laravelNames, type Facts } from "../facts.ts";
import { environmentFaults } from "../sidecar-facts.ts";
import { environment, portOf, type Pod } from "./pod.ts";

/** The image that a release makes: what the Dockerfile says, under its name and version. */
export interface Image extends ImageCommand {
  readonly name: string;
}

/** Of a probe: the kubelet's default of 1 s is less than a busy node may need. */
const minTimeoutSeconds = 3;

/** Everything that is wrong with it, in words. */
export function podProblems(pod: Pod, facts: Facts, image: Image): readonly string[] {
  return [
    ...[pod.app, pod.sidecar].flatMap((container) => securityProblems(pod.spec, container)),
    ...[pod.app, pod.sidecar].flatMap((container) => environmentProblems(container, facts)),
    ...sidecarProblems(pod, facts, image),
    ...stateProblems(pod),
    ...probeProblems(pod.sidecar, facts),
    ...appProblems(pod, facts),
  ];
}

/** Pod Security Standards, profile "restricted". */
export function securityProblems(pod: unknown, container: unknown): readonly string[] {
  const effective = (key: string): unknown =>
    at(container, "securityContext", key) ?? at(pod, "securityContext", key);
  const held: readonly (readonly [string, boolean])[] = [
    ["runAsNonRoot", effective("runAsNonRoot") === true],
    ["runAsUser", Number(effective("runAsUser")) > 0],
    ["allowPrivilegeEscalation", effective("allowPrivilegeEscalation") === false],
    ["capabilities", list(at(effective("capabilities"), "drop")).join() === "ALL"],
    ["seccompProfile", at(effective("seccompProfile"), "type") === "RuntimeDefault"],
    ["readOnlyRootFilesystem", effective("readOnlyRootFilesystem") === true],
    ["a memory limit", at(container, "resources", "limits", "memory") !== undefined],
  ];
  const name = String(at(container, "name"));
  return held.filter(([, is]) => !is).map(([what]) => `${name}: ${what} is missing or wrong`);
}

/** Names that nobody reads, secrets in plain sight, numbers where Kubernetes wants a text. */
export function environmentProblems(container: unknown, facts: Facts): readonly string[] {
  const name = String(at(container, "name"));
  return list(at(container, "env")).flatMap((variable) => {
    const key = String(at(variable, "name"));
    const value = at(variable, "value");
    if (!facts.optionNames.has(key) && !laravelNames.has(key)) {
      return [`${name}: ${key} is no option`];
    }
    if (value === undefined) return [];
    if (/SECRET|PASSWORD/.test(key)) return [`${name}: ${key} is written down`];
    return typeof value === "string" ? [] : [`${name}: ${key} is no text`];
  });
}

function sidecarProblems(pod: Pod, facts: Facts, image: Image): readonly string[] {
  const { sidecar, options } = pod;
  const problems = [...options.keys()]
    .filter((name) => !facts.optionNames.has(name))
    .map((name) => `pogo-sidecar: ${name} is no option`);
  const plain = [...options].map(([name, value]) => [name, value ?? "secret"]);
  for (const fault of environmentFaults(Object.fromEntries(plain))) {
    problems.push(`pogo-sidecar: would not start: ${fault}`);
  }
  for (const name of ["REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET"]) {
    if (options.get(name) !== null) problems.push(`pogo-sidecar: ${name} is not of a Secret`);
  }
  if (at(sidecar, "image") !== image.name) {
    problems.push(`pogo-sidecar: image ${String(at(sidecar, "image"))} is not ${image.name}`);
  }
  if (at(sidecar, "command") !== undefined || at(sidecar, "args") !== undefined) {
    problems.push("pogo-sidecar: another command than the image's");
  }
  if (at(sidecar, "securityContext", "runAsUser") !== image.user) {
    problems.push(`pogo-sidecar: another user than the image's ${image.user}`);
  }
  const http = Number(options.get("POGO_PORT") ?? facts.port);
  const admin = Number(options.get("POGO_ADMIN_PORT") ?? facts.adminPort);
  for (const [name, port] of [
    ["pogo-http", http],
    ["pogo-admin", admin],
  ] as const) {
    if (portOf(sidecar, name) !== port) {
      problems.push(`pogo-sidecar: port ${name} is ${String(portOf(sidecar, name))}, not ${port}`);
    }
  }
  if (options.get("POGO_ADMIN_HOST") !== "0.0.0.0") {
    problems.push("pogo-sidecar: the kubelet can't reach the admin port");
  }
  if (!options.get("POGO_TRUSTED_PROXIES")) {
    problems.push("pogo-sidecar: all visitors have the Ingress's address");
  }
  if (at(pod.spec, "enableServiceLinks") !== false) {
    problems.push("pod: a Service named reverb would set REVERB_PORT");
  }
  return problems;
}

/** A pod without Redis leaves there what clients miss while its container is started again; the root is read-only. */
function stateProblems({ sidecar, options, spec }: Pod): readonly string[] {
  const folder = options.get("POGO_RECOVERY_STATE_DIR");
  const mount = list(at(sidecar, "volumeMounts")).find((one) => at(one, "mountPath") === folder);
  const volume = list(at(spec, "volumes")).find((one) => at(one, "name") === at(mount, "name"));
  return mount === undefined || at(volume, "emptyDir") === undefined
    ? ["pogo-sidecar: no volume keeps what it leaves to its successor"]
    : [];
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
    if (portOf(sidecar, port) !== portOf(sidecar, "pogo-admin")) {
      problems.push(`${probe}: port ${String(port)} is not the admin port`);
    }
    if (!(Number(at(sidecar, probe, "timeoutSeconds")) >= minTimeoutSeconds)) {
      problems.push(`${probe}: a busy second fails it`);
    }
  }
  return problems;
}

/** That the app publishes to the sidecar of its own pod, and finds its socket where there is one. */
function appProblems({ app, sidecar, options }: Pod, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const env = environment(app);
  const port = options.get("POGO_PORT") ?? String(facts.port);
  for (const part of ["REVERB", "REVERB_INTERNAL"]) {
    const publishes = ["SCHEME", "HOST", "PORT"].map((name) => env.get(`${part}_${name}`)).join();
    if (publishes !== `http,127.0.0.1,${port}`) problems.push(`app: publishes to ${publishes}`);
  }
  if (env.get("BROADCAST_CONNECTION") !== "reverb") problems.push("app: does not publish");

  const socket = options.get("POGO_API_SOCKET");
  if (socket === undefined) return problems;
  const volumes = [app, sidecar].map((container) =>
    list(at(container, "volumeMounts"))
      .filter((mount) => String(socket).startsWith(`${String(at(mount, "mountPath"))}/`))
      .map((mount) => at(mount, "name"))
      .join(),
  );
  if (env.get("POGO_API_SOCKET") !== socket || !volumes[0] || volumes[0] !== volumes[1]) {
    problems.push("app: does not find the sidecar's socket");
  }
  return problems;
}
