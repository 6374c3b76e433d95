import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatTraceparent, parseTraceparent } from "./trace.ts";

const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];

describe("traceparent", () => {
  it("is read and written as W3C Trace Context has it", () => {
    for (const isSampled of [true, false]) {
      const text = `00-${trace}-${span}-0${Number(isSampled)}`;
      const context = { traceId: trace, spanId: span, isSampled };
      assert.deepEqual(parseTraceparent(text), context);
      assert.equal(formatTraceparent(context), text);
    }
  });

  it("only the first flag is read, and of a later version the fields of this one", () => {
    assert.equal(parseTraceparent(`00-${trace}-${span}-03`)?.isSampled, true);
    assert.equal(parseTraceparent(`00-${trace}-${span}-02`)?.isSampled, false);
    assert.equal(parseTraceparent(`cc-${trace}-${span}-01-what-comes`)?.spanId, span);
  });

  for (const text of [
    undefined,
    "",
    `ff-${trace}-${span}-01`,
    `00-${trace}-${span}-01-more`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.slice(1)}-${span}-01`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-0x`,
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseTraceparent(text), null));
  }
});
