import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const MiB = 1_048_576;

/** A process of its own, in which a lot survives for a while, turn by turn; prints the size of its young generation in bytes: in the middle of a collection some pages beyond its own. */
function youngGenerationOf(first: string): number {
  const url = new URL("./young-generation.ts", import.meta.url).href;
  const code = `
    import { setImmediate as turn } from "node:timers/promises";
    import { getHeapSpaceStatistics } from "node:v8";
    import { limitYoungGeneration } from ${JSON.stringify(url)};
    ${first}
    let survivors = [];
    for (let i = 0; i < 4_000_000; i++) {
      survivors.push({ i });
      if (survivors.length > 100_000) survivors = [];
      if (i % 500 === 0) await turn();
    }
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    console.log(space.space_size);`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", code]));
}

test("the young generation grows to twice what a process starts with, and no further", () => {
  const limited = youngGenerationOf("limitYoungGeneration();");
  assert.ok(limited >= 4 * MiB && limited < 8 * MiB, `${limited / MiB} MiB`);
  assert.ok(youngGenerationOf("") >= 16 * MiB);
});
