/** The benchmark still runs: each scenario once, small, and whatever the numbers are. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { fullSettings, type Settings } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { startPogo } from "./support/servers.ts";

const small: Settings = {
  ...fullSettings,
  rounds: 1,
  warmUpMs: 100,
  measuredMs: 500,
  channelCount: 10,
  subscribersPerChannel: 3,
  scale: 0.05,
  cores: null,
  target: null,
  restart: null,
  checkout: null,
  only: null,
};

for (const scenario of scenarios) {
  it(`bench: ${scenario.name} runs, and loses nothing`, { skip: scenario.needs() }, async () => {
    assertWhole(await scenario.run(small));
  });
}

/** A row is enough where there are many. */
const rowsOfTarget: Readonly<Record<string, string>> = { "fan-out": "10 × 200 B", hostile: "none" };

for (const scenario of scenarios.filter(({ takesTarget }) => takesTarget)) {
  const { name } = scenario;
  it(`bench: ${name} measures a server that runs already`, { skip: scenario.needs() }, async () => {
    const server = await startPogo(small);
    try {
      // As of a server of which only the address is known.
      const target = { ...server.target, healthUrl: null, pid: null };
      const text = await scenario.run({ ...small, target, only: rowsOfTarget[name] ?? null });
      assertWhole(text);
      assert.match(text, /–/, "what is not known is not given as 0");
    } finally {
      await server.stop();
    }
  });
}

function assertWhole(text: string): void {
  assert.doesNotMatch(text, /NaN|Infinity/);
  const [titles = [], , ...rows] = text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice("| ".length, -" |".length).split(" | "));
  const lost = titles.indexOf("lost");
  assert.notEqual(lost, -1);
  assert.deepEqual(new Set(rows.slice(0, 4).map((cells) => cells[lost])), new Set(["0"]));
}
