/** `npm run bench`, or `npm run bench -- cluster`: runs the scenarios and prints their tables. Asserts nothing. */

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fullSettings } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { bind, describeMachine, findCores, redisVersion } from "./support/machine.ts";

const wanted = process.argv.slice(2);
const names = scenarios.map(({ name }) => name);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(", ")}: ${names.join(", ")} are.`);
  process.exit(64);
}

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

for (const scenario of scenarios) {
  if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
  const lack = scenario.needs();
  console.log(`\n## ${scenario.name}\n`);
  if (lack !== false) {
    console.log(`Left out: ${lack}`);
    continue;
  }
  console.log(
    `Pogo Sidecar ${version ?? ""}, Node ${process.version}, Redis ${redisVersion()}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  console.log(await scenario.run({ ...fullSettings, cores }));
}
process.exit(0);
