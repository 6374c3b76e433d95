/** What must hold for the compose file (D12, D15 of the deployment checklist). */

import { healthcheckProblems, type ImageCommand } from "./dockerfile-rules.ts";
import { at, entries, list, seconds } from "./documents.ts";
import { networkProblems } from "./compose-networks.ts";
import type { Facts } from "./facts.ts";

/** Everything that is wrong with a compose file of the services `sidecar`, `app` and others, in words. */
export function composeProblems(
  document: unknown,
  facts: Facts,
  image: ImageCommand,
): readonly string[] {
  const services = new Map(entries(at(document, "services")));
  const sidecar = services.get("sidecar");
  return [
    ...[...services].flatMap(([name, service]) => serviceProblems(name, service, services)),
    ...sidecarProblems(sidecar, facts, image),
    ...stateProblems(sidecar, image),
    ...appProblems(services.get("app"), sidecar, facts),
    ...workerProblems(services.get("worker"), services.get("app")),
    ...replicaProblems(services.get("sidecar-2"), sidecar),
    ...networkProblems(document),
    ...profileSets.flatMap((profiles) => profileProblems(services, profiles)),
  ];
}

/** What compose.yaml has profiles for, and what each is started with. */
export const profileSets: readonly (readonly string[])[] = [
  [],
  ["redis"],
  ["redis", "replicas"],
  ["tls"],
  ["monitoring"],
  ["redis", "replicas", "tls", "monitoring"],
];

/** Published beside the sidecar: Caddy for everybody, what has no password for this machine alone. */
const publishedByOthers: ReadonlyMap<string, RegExp> = new Map([
  ["caddy", /^(80:80|443:443)$/],
  ["prometheus", /^127\.0\.0\.1:/],
  ["grafana", /^127\.0\.0\.1:/],
]);

function serviceProblems(
  name: string,
  service: unknown,
  services: ReadonlyMap<string, unknown>,
): readonly string[] {
  const problems: string[] = [];
  const listensNowhere = name === "worker" && at(service, "healthcheck", "disable") === true;
  if (!listensNowhere && list(at(service, "healthcheck", "test"))[0] !== "CMD") {
    problems.push(`${name}: its health check is missing or needs a shell`);
  }
  const command = at(service, "command");
  if (command !== undefined && !list(command).length) {
    problems.push(`${name}: command needs a shell`);
  }
  for (const port of list(at(service, "ports")).map(String)) {
    if (name === "sidecar" || publishedByOthers.get(name)?.test(port)) continue;
    problems.push(`${name}: is published at ${port}`);
  }
  const image = String(at(service, "image"));
  if (at(service, "build") === undefined && !/:[^}]*\d/.test(image)) {
    problems.push(`${name}: image ${image} is not pinned`);
  }
  for (const [dependency, terms] of entries(at(service, "depends_on"))) {
    if (!services.has(dependency)) {
      problems.push(`${name}: depends on ${dependency}, which is no service`);
    }
    if (at(terms, "condition") !== "service_healthy") {
      problems.push(`${name}: does not wait for ${dependency} to be healthy`);
    }
    // What a profile leaves out can't be waited for, but by what is left out with it.
    const added = list(at(services.get(dependency), "profiles"));
    const own = list(at(service, "profiles"));
    const isLeftOutAlone =
      added.length > 0 && (own.length === 0 || !own.every((profile) => added.includes(profile)));
    if (isLeftOutAlone && at(terms, "required") !== false) {
      problems.push(`${name}: requires ${dependency}, which a profile may leave out`);
    }
  }
  for (const [variable, value] of entries(at(service, "environment"))) {
    const isSecret = /SECRET|PASSWORD|_KEY$/.test(variable);
    if (isSecret) problems.push(`${name}: ${variable} is written down`);
    if (typeof value !== "string") problems.push(`${name}: ${variable} is no text`);
  }
  return problems;
}

function sidecarProblems(sidecar: unknown, facts: Facts, image: ImageCommand): readonly string[] {
  const problems: string[] = [];
  for (const [name] of entries(at(sidecar, "environment"))) {
    if (!facts.optionNames.has(name)) problems.push(`sidecar: ${name} is no option`);
  }
  const ports = list(at(sidecar, "ports")).map((port) => Number(String(port).split(":").at(-1)));
  if (ports.join() !== String(facts.port)) {
    problems.push(`sidecar: publishes ${ports} instead of ${facts.port}`);
  }
  const upstream = URL.parse(String(at(sidecar, "environment", "POGO_UPSTREAM")));
  if (upstream?.hostname !== "app") problems.push("sidecar: POGO_UPSTREAM is not the app");
  if (at(sidecar, "depends_on", "app") === undefined) {
    problems.push("sidecar: does not wait for the app");
  }

  const timeout = at(sidecar, "environment", "POGO_SHUTDOWN_TIMEOUT");
  const shutdown = timeout === undefined ? facts.shutdownTimeoutSeconds : seconds(timeout);
  if (!(seconds(at(sidecar, "stop_grace_period")) > shutdown)) {
    problems.push("sidecar: stop_grace_period is not longer than POGO_SHUTDOWN_TIMEOUT");
  }
  const files = Number(at(sidecar, "ulimits", "nofile", "hard"));
  if (!(files > 2 * facts.maxConnections)) problems.push("sidecar: too few open files");
  const test = list(at(sidecar, "healthcheck", "test"))
    .slice(1)
    .map(String);
  problems.push(
    ...healthcheckProblems(test, image.entrypoint, facts).map((text) => `sidecar: ${text}`),
  );
  return problems;
}

/** A lone sidecar leaves there what clients miss over its restart, and can write nowhere else. */
function stateProblems(sidecar: unknown, image: ImageCommand): readonly string[] {
  const folder = String(at(sidecar, "environment", "POGO_RECOVERY_STATE_DIR"));
  const volumes = list(at(sidecar, "volumes")).map(String);
  const problems: string[] = [];
  if (!volumes.some((volume) => /^\w+$/.test(volume.replace(`:${folder}`, "")))) {
    problems.push("sidecar: no volume keeps what it leaves to its successor");
  }
  if (!image.ownFolders.includes(folder)) {
    problems.push(
      `sidecar: may not write in a volume at ${folder}, which is not its own in the image`,
    );
  }
  return problems;
}

function appProblems(app: unknown, sidecar: unknown, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const command = list(at(app, "command"));
  if (!command.includes("--no-reload")) {
    problems.push("app: without --no-reload there is one worker");
  }
  if (!(Number(at(app, "environment", "PHP_CLI_SERVER_WORKERS")) > 1)) {
    problems.push("app: PHP_CLI_SERVER_WORKERS is not above 1");
  }
  if (at(app, "init") !== true) problems.push("app: PHP as process 1 does not end on SIGTERM");
  const upstream = URL.parse(String(at(sidecar, "environment", "POGO_UPSTREAM")));
  if (!command.includes(`--port=${upstream?.port}`)) {
    problems.push("app: does not listen where POGO_UPSTREAM says");
  }
  const publishes = `${at(app, "environment", "REVERB_HOST")}:${at(app, "environment", "REVERB_PORT")}`;
  if (publishes !== `sidecar:${facts.port}`) problems.push(`app: publishes to ${publishes}`);
  problems.push(...socketProblems(app, sidecar));
  if (list(at(app, "env_file")).join() !== list(at(sidecar, "env_file")).join()) {
    problems.push("app: has other credentials than the sidecar");
  }
  return problems;
}

/** What both have in common: the folder of the socket that the sidecar makes. */
function socketProblems(app: unknown, sidecar: unknown): readonly string[] {
  const [ofApp, ofSidecar] = [app, sidecar].map((service) => list(at(service, "volumes")));
  const isShared = ofSidecar?.some((volume) => ofApp?.includes(volume)) ?? false;
  return isShared ? [] : ["app: shares no volume with the sidecar, and with it no socket"];
}

/** It runs the same code with the same settings as the app, or it would publish elsewhere. */
function workerProblems(worker: unknown, app: unknown): readonly string[] {
  const problems: string[] = [];
  for (const field of ["image", "user", "volumes", "env_file", "environment", "init"]) {
    if (JSON.stringify(at(worker, field)) !== JSON.stringify(at(app, field))) {
      problems.push(`worker: another ${field} than the app`);
    }
  }
  if (!list(at(worker, "command")).includes("queue:work")) problems.push("worker: does no jobs");
  if (!(seconds(at(worker, "stop_grace_period")) >= 60)) {
    problems.push("worker: a job has no time to end");
  }
  return problems;
}

/** Different is only where it is reached. */
function replicaProblems(replica: unknown, sidecar: unknown): readonly string[] {
  const own = new Set(["POGO_ADMIN_HOST", "POGO_API_SOCKET"]);
  const settings = (of: unknown) =>
    JSON.stringify(entries(at(of, "environment")).filter(([name]) => !own.has(name)));
  const problems: string[] = [];
  if (settings(replica) !== settings(sidecar)) problems.push("sidecar-2: other settings");
  for (const field of ["image", "env_file", "healthcheck", "ulimits", "stop_grace_period"]) {
    if (JSON.stringify(at(replica, field)) !== JSON.stringify(at(sidecar, field))) {
      problems.push(`sidecar-2: another ${field} than the first`);
    }
  }
  // Two can't make the same file.
  if (at(replica, "environment", "POGO_API_SOCKET") !== "") {
    problems.push("sidecar-2: has the first one's socket");
  }
  return problems;
}

/** That what is started together finds what it needs, and no port is taken twice. */
function profileProblems(
  services: ReadonlyMap<string, unknown>,
  profiles: readonly string[],
): readonly string[] {
  const isStarted = (service: unknown): boolean => {
    const own = list(at(service, "profiles"));
    return own.length === 0 || own.some((profile) => profiles.includes(String(profile)));
  };
  const started = [...services].filter(([, service]) => isStarted(service));
  const names = new Set(started.map(([name]) => name));
  const ports = started.flatMap(([, service]) => list(at(service, "ports")).map(String));
  const where = profiles.join("+") || "no profile";
  return [
    ...started.flatMap(([name, service]) =>
      entries(at(service, "depends_on"))
        .filter(([needed, terms]) => !names.has(needed) && at(terms, "required") !== false)
        .map(([needed]) => `${where}: ${name} is started without ${needed}`),
    ),
    ...(new Set(ports).size < ports.length ? [`${where}: a port is taken twice`] : []),
  ];
}
