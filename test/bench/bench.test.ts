/** The benchmark still runs: each scenario once, small, and whatever the numbers are. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { fullSettings } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

for (const scenario of scenarios) {
  it(`bench: ${scenario.name} runs, and loses nothing`, { skip: scenario.needs() }, async () => {
    const text = await scenario.run({
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
    });
    assert.doesNotMatch(text, /NaN|Infinity/);
    const [titles = [], , ...rows] = text
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) => line.slice("| ".length, -" |".length).split(" | "));
    const lost = titles.indexOf("lost");
    assert.notEqual(lost, -1);
    assert.deepEqual(new Set(rows.slice(0, 4).map((cells) => cells[lost])), new Set(["0"]));
  });
}
