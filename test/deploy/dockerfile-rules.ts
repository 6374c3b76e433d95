/** What must hold for the image (D16 of the deployment checklist): no root, no shell, known bases, true ports. */

import { execForm, type Instruction } from "./documents.ts";
import type { Facts } from "./facts.ts";

/** How the image starts the sidecar, in the words of an exec form. */
export interface ImageCommand {
  readonly entrypoint: readonly string[];
  /** Numeric. */
  readonly user: number;
}

/** Everything that is wrong with a Dockerfile, in words. */
export function dockerfileProblems(
  instructions: readonly Instruction[],
  facts: Facts,
): readonly string[] {
  const problems: string[] = [];
  for (const { args } of instructions.filter(({ keyword }) => keyword === "FROM")) {
    const image = args.split(" ")[0] ?? "";
    if (!/:[\w.-]*\d|:nonroot$|@sha256:/.test(image) || image.endsWith(":latest")) {
      problems.push(`FROM ${image} is not pinned`);
    }
  }
  for (const { keyword, args } of instructions) {
    if (keyword === "ADD") problems.push("ADD where COPY would do");
    if (["RUN", "CMD", "ENTRYPOINT"].includes(keyword) && !execForm(args)) {
      problems.push(`${keyword} needs a shell: ${args}`);
    }
  }

  const stage = lastStage(instructions);
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
  return {
    entrypoint: execForm(argsOf(stage, "ENTRYPOINT")) ?? [],
    user: Number.parseInt(argsOf(stage, "USER"), 10),
  };
}

function lastStage(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ keyword }) => keyword === "FROM"));
}

/** The last instruction of that name counts; empty if there is none. */
function argsOf(stage: readonly Instruction[], name: string): string {
  return stage.findLast(({ keyword }) => keyword === name)?.args ?? "";
}
