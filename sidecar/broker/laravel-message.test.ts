import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLaravelMessage } from "./laravel-message.ts";

describe("a message of Laravel's redis driver", () => {
  it("R01: is an event whose data is the payload's JSON, without the socket, numbers digit for digit", () => {
    const text =
      '{"event":"App\\\\Events\\\\Sent","data":{"id":9007199254740993,"price":1.50,"text":"h\\u00e9 \\/","socket":null},"socket":null}';
    assert.deepEqual(parseLaravelMessage(text), {
      ok: true,
      message: {
        name: "App\\Events\\Sent",
        data: '{"id":9007199254740993,"price":1.50,"text":"hé /"}',
        socketId: null,
      },
    });
  });

  it("R01: an empty payload is an empty list, as PHP writes it", () => {
    const parsed = parseLaravelMessage('{"event":"e","data":[],"socket":null}');
    assert.equal(parsed.ok && parsed.message.data, "[]");
  });

  it("R02: names the socket that is left out", () => {
    const parsed = parseLaravelMessage('{"event":"e","data":{"socket":"1.2"},"socket":"1.2"}');
    assert.deepEqual(parsed.ok && [parsed.message.socketId, parsed.message.data], ["1.2", "{}"]);
  });

  const refused: readonly (readonly [text: string, reason: string])[] = [
    ["", "invalid_payload_json"],
    ["nonsense", "invalid_payload_json"],
    ["[]", "invalid_payload_json"],
    ["true", "invalid_payload_json"],
    ["{}", "invalid_fields"],
    ['{"event":"e"}', "invalid_fields"],
    ['{"event":" ","data":{}}', "invalid_fields"],
    ['{"event":1,"data":{}}', "invalid_fields"],
    ['{"event":"e","data":{},"socket":7}', "invalid_fields"],
  ];
  for (const [text, reason] of refused) {
    it(`R04: ${text || "nothing"} is refused as ${reason}`, () => {
      assert.deepEqual(parseLaravelMessage(text), { ok: false, reason });
    });
  }
});
