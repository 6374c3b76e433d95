import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { numbersOf, titlesOf } from "./titles.ts";

const text = readFileSync("docs/protocol.md", "utf8");

/** Rules of docs/protocol.md, by number. */
const rules = [...text.matchAll(/^\| ([A-Z]\d\d) \|/gm)].map(([, id]) => id ?? "");

const paths = globSync(["sidecar/**/*.test.ts", "test/{integration,e2e,fuzz}/**/*.test.ts"], {
  exclude: ["**/vendor/**", "**/node_modules/**"],
});
const numbers = new Set((await titlesOf(paths)).flat().flatMap(numbersOf));

describe("docs/protocol.md", () => {
  it("has every rule once", () => {
    assert.ok(rules.length > 80, String(rules.length));
    assert.deepEqual(rules, [...new Set(rules)]);
  });

  for (const rule of rules) {
    it(`${rule} has a test with its number at the head of the title`, () => {
      assert.ok(numbers.has(rule));
    });
  }

  it("has every rule that a title names; other checks are written `proxy P10: …`", () => {
    const named = [...numbers].filter((number) => /^[A-Z]\d\d$/.test(number));
    assert.deepEqual(
      named.filter((number) => !rules.includes(number)),
      [],
    );
  });

  it("says nothing with a code, a status or a limit of the sidecar outside of the rules", () => {
    const prose = text.split("\n").filter((line) => !line.startsWith("|"));
    const [, ...body] = prose.join("\n").split("\n## ");
    for (const section of body) {
      assert.doesNotMatch(section, /\b[45]\d\d\d?\b|POGO_|error\(/, section);
    }
  });
});

describe("what counts as a test of a rule", () => {
  it("is a number at the head of the title of a test that runs, or of a suite around it", async () => {
    assert.deepEqual(await numbersIn('test("A01, D4: title", () => {});'), ["A01", "D4"]);
    assert.deepEqual(await numbersIn("it(`${'A0'}${2}: title`, { timeout: 5 }, () => {});"), [
      "A02",
    ]);
    assert.deepEqual(await numbersIn('describe("A03: suite", () => { it("test", () => {}); });'), [
      "A03",
    ]);
    const needs = 'describe("A04: suite", { skip: "no PHP: run test/setup" }, () =>';
    assert.deepEqual(await numbersIn(`${needs} it("test", () => {}));`), ["A04"]);
  });

  for (const source of [
    "// A01: a comment",
    'const row = ["A01: any other text"];',
    'it("of the rule A01: further in", () => {});',
    'it("proxy A01: of another list", () => {});',
    'it.skip("A01: skipped", () => {});',
    'it.todo("A01: to do");',
    'it("A01: without a body");',
    'it("A01: skipped", { skip: true }, () => {});',
    'it("A01: skipped for a while", { skip: "flaky" }, () => {});',
    'describe.skip("A01: skipped", () => { it("A02: in it", () => {}); });',
    'describe("A01: empty", () => {});',
  ]) {
    it(`is not ${source}`, async () => assert.deepEqual(await numbersIn(source), []));
  }
});

/** Numbers in the titles of a file with that source. */
async function numbersIn(source: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "titles-"));
  try {
    const path = join(folder, "source.ts");
    writeFileSync(path, `import { describe, it, test } from "node:test";\n${source}\n`);
    return (await titlesOf([path])).flat().flatMap(numbersOf);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
