import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseMessage } from "./messages.ts";

/** A `data` as it is sent, and as the handlers read it. */
interface Data {
  readonly sent: unknown;
  readonly read: unknown;
}

/** As JSON carries it: no -0. */
const json = fc
  .jsonValue({ maxDepth: 3 })
  .map((value): unknown => JSON.parse(JSON.stringify(value)));
const indent = fc.integer({ min: 0, max: 2 });
const isComposite = (value: unknown): boolean => typeof value === "object" && value !== null;

const data: fc.Arbitrary<Data> = fc.oneof(
  json.filter((value) => typeof value !== "string").map((value) => ({ sent: value, read: value })),
  fc.tuple(json.filter(isComposite), indent).map(([value, spaces]) => ({
    sent: JSON.stringify(value, null, spaces),
    read: value,
  })),
  json
    .filter((value) => !isComposite(value))
    .map((value) => ({ sent: JSON.stringify(value), read: JSON.stringify(value) })),
  fc
    .tuple(fc.constantFrom("x", "{", "[1", "{'a':1}", " "), fc.string({ unit: "grapheme" }))
    .map(([head, tail]) => ({ sent: head + tail, read: head + tail })),
);

const message = fc.record({
  event: fc.oneof(fc.string({ minLength: 1, unit: "grapheme" }), fc.constant("__proto__")),
  channel: fc.option(json, { nil: undefined }),
  data: fc.option(data, { nil: { sent: undefined, read: undefined } }),
  others: fc.dictionary(
    fc.string().filter((key) => !["event", "channel", "data", "__proto__"].includes(key)),
    json,
  ),
  isReversed: fc.boolean(),
  spaces: indent,
});

describe("parseMessage", () => {
  it("X03, X09: reads what a message was written from, its fields in any order, others left out", () => {
    fc.assert(
      fc.property(message, ({ event, channel, data, others, isReversed, spaces }) => {
        const fields = Object.entries({ ...others, event, channel, data: data.sent });
        const ordered = Object.fromEntries(isReversed ? fields.toReversed() : fields);
        const read = parseMessage(JSON.stringify(ordered, null, spaces));
        assert.deepEqual(read, { event, channel, data: data.read });
      }),
    );
  });

  it("X03: is null for the beginning of a message", () => {
    fc.assert(
      fc.property(message, fc.nat(), ({ event, channel, data }, length) => {
        const text = JSON.stringify({ event, channel, data: data.sent });
        assert.equal(parseMessage(text.slice(0, length % text.length)), null);
      }),
    );
  });

  it("X03: is null without a non-empty string event", () => {
    const event = json.filter((value) => typeof value !== "string" || value === "");
    fc.assert(
      fc.property(fc.option(event, { nil: undefined }), json, (event, data) => {
        assert.equal(parseMessage(JSON.stringify({ event, channel: "a", data })), null);
      }),
    );
  });

  it("X03: is null for JSON that is no object, and for what is no JSON", () => {
    fc.assert(
      fc.property(json, (value) => {
        const isOther = !isComposite(value) || Array.isArray(value);
        assert.equal(parseMessage(JSON.stringify(isOther ? value : [value])), null);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.equal(parseMessage(`${text}{"event":"a"}x`), null);
      }),
    );
  });

  it("X03, X09: reads 512 levels, the message's own included, and those of a string data apart", () => {
    for (const depth of [510, 511, 512, 513]) {
      const nested = "[".repeat(depth) + "]".repeat(depth);
      const message = parseMessage(`{"event":"e","data":${nested}}`);
      assert.equal(message === null, depth + 1 > 512, String(depth));
      const { data } = parseMessage(`{"event":"e","data":"${nested}"}`) ?? {};
      assert.equal(typeof data, depth > 512 ? "string" : "object", String(depth));
    }
  });
});
