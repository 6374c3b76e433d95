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

for (const order of [(entry: number) => entry, (entry: number) => -entry]) {
  test(`no more are kept than pages are made of: the greatest of all, of which ${order(1)} is one`, async () => {
    const count = 20 * maxMatches + 1;
    const all = { ...options, order, schedule: setImmediate };
    const [first, second, third] = [1, 2, 3].map((n) => (order(1) > 0 ? count + 1 - n : n));
    const found = await scan(upTo(count), all);
    assert.deepEqual(found.rows, [first, second, third]);
    assert.deepEqual([found.matches, found.isCut], [maxMatches, true]);
    const behind = await scan(upTo(count), { ...all, page: Math.ceil(maxMatches / all.size) });
    assert.deepEqual(behind.rows, []);
    const whole = await scan(upTo(maxMatches), all);
    assert.deepEqual([whole.matches, whole.isCut], [maxMatches, false]);
  });
}

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
