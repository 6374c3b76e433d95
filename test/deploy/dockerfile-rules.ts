/** What must hold for the image (D16 of the deployment checklist): no root, no shell, known bases, true ports. */

import { execForm, seconds, type Instruction } from "./documents.ts";
import type { Facts } from "./facts.ts";

/** How the image starts the sidecar, in the words of an exec form. */
export interface ImageCommand {
  readonly entrypoint: readonly string[];
  /** What follows it where nobody says otherwise. */
  readonly command: readonly string[];
  /** What the process has in its environment where nobody says otherwise. */
  readonly environment: Readonly<Record<string, string>>;
  /** Numeric. */
  readonly user: number;
  /** Folders that are the user's own; a new volume there is so too. */
  readonly ownFolders: readonly string[];
}

/** Until SIGKILL, where nobody says otherwise: docker stop, and Supervisor too. */
const stopSeconds = 10;

/** Of a stop, after the shutdown timeout: what webhooks (0.5 s) and traces (1 s) get at least. */
const afterTimeoutSeconds = 1.5;

/** What an image says of itself (OCI image spec, annotations). */
const labels = ["title", "description", "licenses", "source", "documentation", "base.name"].map(
  (name) => `org.opencontainers.image.${name}`,
);

/** Everything that is wrong with a Dockerfile, in words. */
export function dockerfileProblems(
  instructions: readonly Instruction[],
  facts: Facts,
): readonly string[] {
  const problems: string[] = [];
  for (const { args } of instructions.filter(({ keyword }) => keyword === "FROM")) {
    const image = baseOf(args);
    if (!/:[\w.-]*\d|:nonroot$|@sha256:/.test(image) || image.endsWith(":latest")) {
      problems.push(`FROM ${image} is not pinned`);
    }
  }
  for (const { keyword, args } of instructions) {
    if (keyword === "ADD") problems.push("ADD where COPY would do");
    if (["RUN", "CMD", "ENTRYPOINT"].includes(keyword) && !execForm(withoutFlags(args))) {
      problems.push(`${keyword} needs a shell: ${args}`);
    }
    if (/"npm", "ci"/.test(args) && !args.startsWith("--mount=type=cache,")) {
      problems.push(`downloads again at each build: ${args}`);
    }
  }

  const stage = lastStage(instructions);
  const label = pairs(argsOf(stage, "LABEL"));
  for (const name of labels) if (!label[name]) problems.push(`LABEL ${name} is missing`);
  const [base] = stage.map(({ args }) => baseOf(args));
  if (label["org.opencontainers.image.base.name"] !== base) {
    problems.push(`LABEL says another base than ${base}`);
  }

  const { POGO_SHUTDOWN_TIMEOUT: timeout } = imageCommand(instructions).environment;
  const stops = timeout === undefined ? facts.shutdownTimeoutSeconds : seconds(timeout);
  if (!(stops + afterTimeoutSeconds <= stopSeconds)) {
    problems.push(`a stop may take ${stops} s and some, docker stop kills after ${stopSeconds} s`);
  }

  const user = argsOf(stage, "USER");
  if (!/^[1-9]\d*(:[1-9]\d*)?$/.test(user)) problems.push(`USER ${user} is not a number above 0`);

  const ports = argsOf(stage, "EXPOSE").split(" ").map(Number);
  const expected = [facts.port, facts.adminPort];
  if (ports.join() !== expected.join()) problems.push(`EXPOSE ${ports} instead of ${expected}`);

  const entrypoint = execForm(argsOf(stage, "ENTRYPOINT")) ?? [];
  const started = execForm(argsOf(stage, "CMD"))?.[0] ?? "";
  if (!facts.commands.has(started)) problems.push(`CMD ${started} is no command`);

  const health = execForm(argsOf(stage, "HEALTHCHECK").replace(/^.*?CMD /, ""));
  if (!health) problems.push("HEALTHCHECK is missing or needs a shell");
  else problems.push(...healthcheckProblems(health, entrypoint, facts));
  return problems;
}

/** A health check is the image's own start command with `healthcheck` behind it. */
export function healthcheckProblems(
  test: readonly string[],
  entrypoint: readonly string[],
  facts: Facts,
): readonly string[] {
  const command = test.at(-1) ?? "";
  const problems: string[] = [];
  if (test.slice(0, -1).join(" ") !== entrypoint.join(" ")) {
    problems.push(
      `health check runs ${test.join(" ")}, but the image starts ${entrypoint.join(" ")}`,
    );
  }
  if (command !== "healthcheck" || !facts.commands.has(command)) {
    problems.push(`health check ends in ${command}`);
  }
  return problems;
}

/** What compose and Kubernetes files must agree with. */
export function imageCommand(instructions: readonly Instruction[]): ImageCommand {
  const stage = lastStage(instructions);
  const user = Number.parseInt(argsOf(stage, "USER"), 10);
  return {
    entrypoint: execForm(argsOf(stage, "ENTRYPOINT")) ?? [],
    command: execForm(argsOf(stage, "CMD")) ?? [],
    environment: pairs(argsOf(stage, "ENV")),
    user,
    ownFolders: stage
      .filter(({ keyword, args }) => keyword === "COPY" && args.includes(`--chown=${user}:`))
      .map(({ args }) => args.split(" ").at(-1) ?? ""),
  };
}

function lastStage(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ keyword }) => keyword === "FROM"));
}

/** The last instruction of that name counts; empty if there is none. */
function argsOf(stage: readonly Instruction[], name: string): string {
  return stage.findLast(({ keyword }) => keyword === name)?.args ?? "";
}

/** Of a FROM, without the platform and the stage's name. */
function baseOf(args: string): string {
  return withoutFlags(args).split(" ")[0] ?? "";
}

function withoutFlags(args: string): string {
  return args.replace(/^(--\S+ )+/, "");
}

/** `name=value other="a value"`. */
function pairs(args: string): Readonly<Record<string, string>> {
  const found = [...args.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)];
  return Object.fromEntries(
    found.map(([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""]),
  );
}
