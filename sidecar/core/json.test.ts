import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isObject, numberText, parseExactJson, parseJson } from "./json.ts";

function reencode(text: string): string {
  const json = parseExactJson(text);
  assert.ok(json.ok, text);
  return JSON.stringify(json.value);
}

describe("untrusted JSON", () => {
  const numbers = [
    "9007199254740993",
    "-9007199254740993",
    "123456789012345678901234567890",
    "1.0",
    "-2.50",
    "-0",
    "-0.0",
    "0.0000001",
    "1e3",
    "1E+3",
    "1.5e-7",
    "1e999",
    "-1e999",
    "0.1234567890123456789",
    "1234567890.12345678",
    "5",
    "0",
    "-0.5",
    "12.25",
    "1234567890123456",
  ];
  for (const number of numbers) {
    it(`${number} goes out as it came in, wherever it stands`, () => {
      for (const text of [number, `[${number}]`, `{"a":${number},"b":[1,${number}]}`]) {
        assert.equal(reencode(text), text);
      }
      assert.equal(reencode(` [ 1 ,\n${number} ] `), `[1,${number}]`);
    });
  }

  it("any number goes out as it came in", () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][-+]?\d{1,4})?$/);
    fc.assert(
      fc.property(fc.array(digits), (texts) => {
        const text = `{"list":[${texts.join(",")}]}`;
        assert.equal(reencode(text), text);
      }),
    );
  });

  it("a number that loses nothing is JavaScript's own", () => {
    assert.deepEqual(parseExactJson('{"a":1.5,"b":[7],"t":"1.0 9007199254740993"}'), {
      ok: true,
      value: { a: 1.5, b: [7], t: "1.0 9007199254740993" },
    });
  });

  it("gives a number's text, and nothing of what is none", () => {
    const json = parseExactJson('[5,9007199254740993,"5",null,{"rawJSON":"5"},{},true]');
    assert.ok(json.ok && Array.isArray(json.value));
    assert.deepEqual(json.value.map(numberText), [
      "5",
      "9007199254740993",
      ...Array.from({ length: 5 }, () => null),
    ]);
  });

  it("a number is no object, however it is kept", () => {
    const json = parseExactJson("9007199254740993");
    assert.ok(json.ok);
    assert.equal(isObject(json.value), false);
    assert.equal(isObject({ rawJSON: "1" }), true);
  });

  it("text that is not JSON, or nested deeper than 512, is refused", () => {
    for (const text of ["", "{", "01", `${"[".repeat(600)}${"]".repeat(600)}`]) {
      assert.deepEqual(parseJson(text), { ok: false });
      assert.deepEqual(parseExactJson(text), { ok: false });
    }
  });
});
