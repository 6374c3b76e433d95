import assert from "node:assert/strict";
import { test } from "node:test";
import { maxMatches, scan, scannedPerTurn } from "./scan.ts";

const options = { matches: () => true, order: (entry: number) => entry, size: 3, page: 0 };

function* upTo(count: number): Iterable<number> {
  for (let entry = 1; entry <= count; entry++) yield entry;
}

test("a page has the greatest, in their order, and how many match", async () => {
  const isEven = (entry: number): boolean => entry % 2 === 0;
  const all = { ...options, matches: isEven, schedule: setImmediate };
  assert.deepEqual(await scan(upTo(10), all), { rows: [10, 8, 6], matches: 5, isCut: false });
  const second = await scan(upTo(10), { ...all, page: 1 });
  assert.deepEqual(second.rows, [4, 2]);
});

test("so many are looked at in one turn of the event loop, then it is the others' turn", async () => {
  let turns = 0;
  const schedule = (run: () => void): void => {
    turns += 1;
    setImmediate(run);
  };
  await scan(upTo(4 * scannedPerTurn), { ...options, matches: () => false, schedule });
  assert.equal(turns, 4);
});

test("no more are kept than a page is made of", async () => {
  let lookedAt = 0;
  const matches = (): boolean => ++lookedAt > 0;
  const found = await scan(upTo(100_000), { ...options, matches, schedule: setImmediate });
  assert.deepEqual([found.matches, found.isCut], [maxMatches, true]);
  assert.equal(lookedAt, maxMatches + 1);
});

test("entries may come and go meanwhile", async () => {
  const entries = new Set(upTo(scannedPerTurn + 1));
  const schedule = (run: () => void): void => {
    entries.delete(scannedPerTurn + 1);
    entries.add(-1);
    setImmediate(run);
  };
  const found = await scan(entries, { ...options, schedule });
  assert.equal(found.matches, scannedPerTurn + 1);
});
