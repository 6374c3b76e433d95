import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { titlesOf } from "../docs/titles.ts";
import { attacks, type Proof } from "./catalogue.ts";

const files = new Set(attacks.flatMap(({ proofs }) => proofs.map(([file]) => file)));
const titles = new Map<string, readonly string[]>();
for (const file of files) {
  titles.set(
    file,
    (await titlesOf([file])).map((title) => title.join(" > ")),
  );
}

function isProven([file, part]: Proof): boolean {
  const wanted = /^row (\d+)$/.exec(part)?.[1];
  return (titles.get(file) ?? []).some((title) =>
    wanted === undefined ? title.includes(part) : rowsOf(title).has(Number(wanted)),
  );
}

/** Of `row 3: …`, `rows 3, 4: …` and `rows 3 to 5, 9: …`, at the head of a test's title or a suite's. */
function rowsOf(title: string): ReadonlySet<number> {
  const rows = new Set<number>();
  for (const [, list = ""] of title.matchAll(/(?:^| > )rows? ([\d, to]+):/g)) {
    for (const range of list.split(", ")) {
      const [first = 0, last = first] = range.split(" to ").map(Number);
      for (let row = first; row <= last; row += 1) rows.add(row);
    }
  }
  return rows;
}

describe("the table of attacks", () => {
  it("has the rows 1 to 122", () => {
    assert.deepEqual(
      attacks.map(({ number }) => number),
      Array.from({ length: 122 }, (_, index) => index + 1),
    );
  });

  for (const { number, attack, proofs } of attacks) {
    it(`${number}, ${attack}: has its tests`, () => {
      assert.ok(proofs.length > 0);
      for (const proof of proofs) assert.ok(isProven(proof), proof.join(": "));
    });
  }

  it("has every row that a title names", () => {
    for (const title of [...titles.values()].flat()) {
      for (const row of rowsOf(title)) assert.ok(row >= 1 && row <= attacks.length, title);
    }
  });
});

describe("rows in a title", () => {
  it("are read one by one, in lists and in ranges", () => {
    assert.deepEqual([...rowsOf("suite > row 3: x")], [3]);
    assert.deepEqual([...rowsOf("rows 3, 4: x > y")], [3, 4]);
    assert.deepEqual([...rowsOf("rows 3 to 5, 9: x > row 12: y")], [3, 4, 5, 9, 12]);
    assert.deepEqual([...rowsOf("of row 3: x")], []);
  });
});
