import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** A process of its own, where a lot survives for a while and then nothing; prints the size of its young generation in bytes. */
function youngGenerationOf(first: string): number {
  const url = new URL("./young-generation.ts", import.meta.url).href;
  const code = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { keepYoungGenerationSmall } from ${JSON.stringify(url)};
    ${first}
    let survivors = [];
    for (let i = 0; i < 2_000_000; i++) {
      survivors.push({ i });
      if (survivors.length > 100_000) survivors = [];
    }
    // In the middle of a collection it may have pages beyond its size, where the machine is busy.
    let last;
    for (let i = 0; i < 2_000_000; i++) last = { i };
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    console.log(space.space_size);`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", code]));
}

test("the young generation stays as it was at the start, whatever survives in it", () => {
  assert.ok(youngGenerationOf("keepYoungGenerationSmall();") <= 2 * 1_048_576);
  assert.ok(youngGenerationOf("") >= 16 * 1_048_576);
});
