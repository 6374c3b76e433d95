/**
 * `npm run bench`, or `npm run bench -- cluster`: runs the scenarios and prints their tables. Asserts nothing.
 *
 * A scenario that measures any server of the Pusher protocol takes one that runs already on this machine:
 * `npm run bench -- hostile --target http://127.0.0.1:6001 --app-id 1 --key key --secret secret
 * [--health URL] [--pid PID] [--restart COMMAND]`.
 * `--checkout DIR` measures the sidecar of another checkout of this repository, `--only TEXT` the rows with that text,
 * `--sockets N` attacks over so many (`hostile`).
 */

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { fullSettings } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { bind, describeMachine, findCores, redisVersion } from "./support/machine.ts";
import type { Target } from "./support/target.ts";

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h" },
    target: { type: "string" },
    "app-id": { type: "string", default: "" },
    key: { type: "string", default: "" },
    secret: { type: "string", default: "" },
    health: { type: "string" },
    pid: { type: "string" },
    restart: { type: "string" },
    checkout: { type: "string" },
    only: { type: "string" },
    sockets: { type: "string" },
  },
});
const names = scenarios.map(({ name }) => name);
const namesWithTarget = scenarios.filter(({ takesTarget }) => takesTarget).map(({ name }) => name);
if (values.help) {
  console.log(`npm run bench -- [SCENARIO…] [--only TEXT] [--checkout DIR]
npm run bench -- hostile [--sockets N]
npm run bench -- SCENARIO --target http://127.0.0.1:PORT --app-id ID --key KEY --secret SECRET
                          [--health URL] [--pid PID] [--restart COMMAND]

Scenarios: ${names.join(", ")}. Without one it runs them all, which takes an hour.
With --target: ${namesWithTarget.join(", ")}.`);
  process.exit(0);
}
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(", ")}: ${names.join(", ")} are.`);
  process.exit(64);
}

const target = readTarget();
const cores = findCores();
if (cores) bind(process.pid, cores.load);
const version = /"version": "(.+)"/.exec(readFileSync("package.json", "utf8"))?.[1];
const [load = 0] = loadavg();
console.log(`${describeMachine()}; load before ${load.toFixed(1)}`);
console.log(
  cores
    ? "All servers share one core, the load has another."
    : "Servers and load share all cores: the numbers say less.",
);
if (target && target.pid !== null && cores) bind(target.pid, cores.servers);

for (const scenario of scenarios) {
  if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
  const lack = target && !scenario.takesTarget ? "it takes no --target" : scenario.needs();
  console.log(`\n## ${scenario.name}\n`);
  if (lack !== false) {
    console.log(`Left out: ${lack}`);
    continue;
  }
  console.log(
    `Pogo Sidecar ${version ?? ""}, Node ${process.version}, Redis ${redisVersion()}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  const { checkout = null, only = null, restart = null } = values;
  const sockets = values.sockets === undefined ? fullSettings.sockets : Number(values.sockets);
  const chosen = { cores, target, restart, checkout, only, sockets };
  console.log(await scenario.run({ ...fullSettings, ...chosen }));
}
process.exit(0);

function readTarget(): Target | null {
  if (values.target === undefined) return null;
  const { protocol, hostname, port } = new URL(values.target);
  if (protocol !== "http:" || hostname !== "127.0.0.1") {
    console.error("--target is http://127.0.0.1:PORT: what is measured runs on this machine.");
    process.exit(64);
  }
  return {
    port: Number(port || 80),
    app: { id: values["app-id"], key: values.key, secret: values.secret },
    healthUrl: values.health ?? null,
    pid: values.pid === undefined ? null : Number(values.pid),
  };
}
