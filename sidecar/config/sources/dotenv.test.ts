import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDotenv, resolveDotenv } from "./dotenv.ts";

function valuesOf(content: string, env: Readonly<Record<string, string>> = {}) {
  const parsed = parseDotenv(content);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return Object.fromEntries(resolveDotenv(parsed.entries, (name) => env[name]));
}

describe("a .env file", () => {
  const files: readonly (readonly [
    name: string,
    content: string,
    values: Readonly<Record<string, string>>,
  ])[] = [
    ["plain values", "A=1\nB = two \r\nC=", { A: "1", B: "two", C: "" }],
    ["comments and empty lines", "# A=1\n\n  # no\nB=2 # two\nC=3#x\n", { B: "2", C: "3" }],
    ["export and quoted names", "export A=1\n'B'=2", { A: "1", B: "2" }],
    ["single quotes take all as it is", "A='a $B \\n # c'", { A: "a $B \\n # c" }],
    ["double quotes take escapes", 'A="a\\nb \\"c\\" \\$D \\\\"', { A: 'a\nb "c" $D \\' }],
    ["a value over several lines", 'A="one\ntwo # three"\nB=2', { A: "one\ntwo # three", B: "2" }],
    ["the last of a name", "A=1\nA=2", { A: "2" }],
    ["a name alone takes its value away", "A=1\nA\nB=2", { B: "2" }],
    ["a value of the file", 'A=1\nB="${A}2"\nC=${B}', { A: "1", B: "12", C: "12" }],
    ["one within another", "A=B\nAB=x\nC=${A${A}}", { A: "B", AB: "x", C: "x" }],
    ["none of its own, and none that comes later", "A=${B}${A}\nB=1", { A: "${B}${A}", B: "1" }],
    ["no $ without braces", 'A=1\nB="$A"\nC=$A', { A: "1", B: "$A", C: "$A" }],
  ];
  for (const [name, content, values] of files) {
    it(`has ${name}`, () => assert.deepEqual(valuesOf(content), values));
  }

  it("has values of the environment, which wins over its own", () => {
    assert.deepEqual(valuesOf("A=1\nB=${A}\nC=${D}", { A: "9", D: "4" }), {
      A: "1",
      B: "9",
      C: "4",
    });
  });

  const faults: readonly (readonly [content: string, line: number, fault: RegExp])[] = [
    ["A=1\nB=hunter2 is it", 2, /white space in a value without quotes/],
    ['A="hunter2" x', 1, /text behind one in quotes/],
    ['\nA="hunter2\nB=1', 2, /closing quote is missing/],
    ["A='hunter2", 1, /closing quote is missing/],
    ['A="hunter2\\x"', 1, /does not escape/],
    ["=hunter2", 1, /a name is expected/],
    ["A B=hunter2", 1, /a name is expected/],
  ];
  for (const [content, line, fault] of faults) {
    it(`${JSON.stringify(content)} is none: the line is said, and not what is in it`, () => {
      const parsed = parseDotenv(content);
      assert.ok(!parsed.ok);
      assert.equal(parsed.line, line);
      assert.match(parsed.fault, fault);
      assert.doesNotMatch(parsed.fault, /hunter2/);
    });
  }

  it("may hold any text, and never makes it throw", () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from("A1=\"'\\#$ {}\n\tn.")) });
    fc.assert(fc.property(text, (content) => void parseDotenv(content)));
  });
});
