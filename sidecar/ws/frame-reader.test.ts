import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { clientFrame } from "../testing/client-frame.ts";
import { FrameReader } from "./frame-reader.ts";

const key = Buffer.from([0x12, 0x34, 0x56, 0x78]);

const frame = (first: number, payload: string | Buffer = "", mask = key): Buffer =>
  clientFrame(first, payload, mask);

/** The head of a masked frame that has its length in two bytes (126), or in eight (127). */
function longHead(kind: 126 | 127, length: number, first = 0x81): Buffer {
  const bytes = Buffer.alloc(kind === 126 ? 2 : 8);
  bytes.writeUIntBE(length, bytes.length - 2, 2);
  return Buffer.concat([Buffer.from([first, 0x80 | kind]), bytes, key]);
}

function deflated(text: string | Buffer, flush = constants.Z_SYNC_FLUSH): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: flush });
  return flush === constants.Z_SYNC_FLUSH ? bytes.subarray(0, -4) : bytes;
}

/** What a reader made of these chunks, in order. */
function read(
  chunks: readonly Buffer[],
  { maxMessageBytes = 1_000, isDeflated = false } = {},
): string[] {
  const happened: string[] = [];
  const note = (what: string, payload: Buffer): void =>
    void happened.push(`${what} ${payload.toString("latin1")}`.trim());
  const reader = new FrameReader(
    { maxMessageBytes },
    {
      isDeflated,
      listener: {
        onMessage: (payload) => note("message", payload),
        onPing: (payload) => note("ping", payload),
        onPong: () => void happened.push("pong"),
        onClose: (code, reason) => note(`close ${code}`, reason),
        onFault: (code) => void happened.push(`fault ${code}`),
      },
    },
  );
  // Copies, for they are written into.
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return happened;
}

describe("FrameReader", () => {
  it("X07, X08: reads text, binary and fragmented messages, control frames in between", () => {
    const all = Buffer.concat([
      frame(0x81, "one"),
      frame(0x82, "two"),
      frame(0x01, "thr"),
      frame(0x89, "?"),
      frame(0x00, ""),
      frame(0x8a, ""),
      frame(0x80, "ee"),
      frame(0x81, ""),
    ]);
    const expected = ["message one", "message two", "ping ?", "pong", "message three", "message"];
    assert.deepEqual(read([all]), expected);
    for (let size = 1; size < 20; size++) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < all.length; at += size) pieces.push(all.subarray(at, at + size));
      assert.deepEqual(read(pieces), expected, `in pieces of ${size}`);
    }
  });

  it("reads every way to write a length, with any mask", () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_001]) {
      const text = "x".repeat(length);
      const expected = [`message ${text}`.trim()];
      for (const mask of [key, Buffer.alloc(4), Buffer.from([0, 0, 0, 1])]) {
        assert.deepEqual(read([frame(0x81, text, mask)], { maxMessageBytes: 100_000 }), expected);
      }
    }
  });

  it("X06: nothing is read behind a close, whose code and reason are", () => {
    const close = Buffer.concat([Buffer.from([0x10, 0x1b]), Buffer.from("bye")]);
    assert.deepEqual(read([frame(0x88, close), frame(0x81, "x")]), ["close 4123 bye"]);
    assert.deepEqual(read([Buffer.concat([frame(0x88), frame(0x81, "x")])]), ["close 1005"]);
  });

  for (const code of [1000, 1001, 1003, 1007, 1014, 3000, 4999]) {
    it(`X06: ${code} may be sent with a close`, () => {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      assert.deepEqual(read([frame(0x88, payload)]), [`close ${code}`]);
    });
  }

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535]) {
    it(`X05: ${code} may not`, () => {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      assert.deepEqual(read([frame(0x88, payload)]), ["fault 1002"]);
    });
  }

  const faults: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
    ["an unmasked frame", Buffer.from([0x81, 2, 0x7b, 0x7d]), 1002],
    ["RSV1, nothing agreed to", frame(0xc1, "x"), 1002],
    ["RSV2", frame(0xa1, "x"), 1002],
    ["RSV3", frame(0x91, "x"), 1002],
    ["a reserved data opcode", frame(0x83, "x"), 1002],
    ["a reserved control opcode", frame(0x8b, "x"), 1002],
    ["126 for a length of 125", longHead(126, 125), 1002],
    ["127 for a length of 65,535", longHead(127, 65_535), 1002],
    ["a ping whose length is in two bytes", longHead(126, 1, 0x89), 1002],
    ["a fragmented ping", frame(0x09, "x"), 1002],
    ["a ping of 126 bytes", frame(0x89, Buffer.alloc(126)), 1002],
    ["a close of one byte", frame(0x88, "x"), 1002],
    ["a continuation of nothing", frame(0x80, "x"), 1002],
    ["a message within one", Buffer.concat([frame(0x01, "x"), frame(0x81, "y")]), 1002],
    ["text that is no UTF-8", frame(0x81, Buffer.from([0xff])), 1007],
    ["a reason that is no UTF-8", frame(0x88, Buffer.from([0x03, 0xe8, 0xff])), 1007],
    ["a longer message", frame(0x81, "x".repeat(1_001)), 1009],
    [
      "a longer message in fragments",
      Buffer.concat([frame(0x01, "x".repeat(600)), frame(0x80, "x".repeat(401))]),
      1009,
    ],
    [
      "a length beyond all numbers",
      Buffer.from([0x81, 0xff, ...Buffer.alloc(8, 0xff), 0, 0, 0, 0]),
      1009,
    ],
  ];
  for (const [what, bytes, code] of faults) {
    it(`X05: ${what} ends it with ${code}`, () => {
      assert.deepEqual(read([bytes, frame(0x81, "after")]).at(-1), `fault ${code}`);
    });
  }

  it("a fault is found by the head of a frame, before its payload", () => {
    assert.deepEqual(read([frame(0x81, "x".repeat(1_001)).subarray(0, 8)]), ["fault 1009"]);
  });

  it("a character may be split between fragments, not between messages", () => {
    const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa4])];
    assert.deepEqual(read([frame(0x01, first), frame(0x80, second)]), ["message Ã¤"]);
    assert.deepEqual(read([frame(0x81, first), frame(0x81, second)]), ["fault 1007"]);
  });

  it("a message has 64 fragments at most", () => {
    const rest = (count: number): Buffer[] => Array.from({ length: count }, () => frame(0x00));
    assert.deepEqual(read([frame(0x01, "x"), ...rest(62), frame(0x80)]), ["message x"]);
    assert.deepEqual(read([frame(0x01, "x"), ...rest(63), frame(0x80)]), ["fault 1008"]);
  });
});

describe("FrameReader, with permessage-deflate", () => {
  const agreed = { isDeflated: true, maxMessageBytes: 1_000 };
  const text = '{"event":"pusher:ping"}'.repeat(5);

  it("X12: reads a compressed message, in one frame or in fragments, beside plain ones", () => {
    const bytes = deflated(text);
    const expected = [`message ${text}`];
    assert.deepEqual(read([frame(0xc1, bytes)], agreed), expected);
    const halves = [frame(0x41, bytes.subarray(0, 9)), frame(0x80, bytes.subarray(9))];
    assert.deepEqual(read(halves, agreed), expected);
    assert.deepEqual(read([frame(0x81, text)], agreed), expected);
    // RFC 7692 §7.2.3.6: an empty message; §7.2.3.4: a last block.
    assert.deepEqual(read([frame(0xc1, Buffer.from([0]))], agreed), ["message"]);
    assert.deepEqual(read([frame(0xc1, deflated(text, constants.Z_FINISH))], agreed), expected);
  });

  it("X12: reads on behind a final block (RFC 7692 §7.2.1, §7.2.3.4)", () => {
    const last = deflated(text, constants.Z_FINISH);
    // "Hello" of §7.2.3.4, with and without the byte that is to follow.
    const hello = Buffer.from([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
    const rows: readonly (readonly [bytes: readonly Buffer[], text: string])[] = [
      [[hello], "Hello"],
      [[hello.subarray(0, -1)], "Hello"],
      [[last, deflated("two")], `${text}two`],
      [[last, last], text + text],
      [[last, Buffer.from([0x03, 0x00]), last, Buffer.from([0])], text + text],
      // An empty last block, of which the client left out the length.
      [[last, Buffer.from([0x01])], text],
    ];
    for (const [streams, expected] of rows) {
      assert.deepEqual(read([frame(0xc1, Buffer.concat(streams))], agreed), [
        `message ${expected}`,
      ]);
    }
  });

  it("X12: all its streams together have the message's limit, and are 16 at most", () => {
    const streams = (count: number, each: string): Buffer =>
      Buffer.concat(Array.from({ length: count }, () => deflated(each, constants.Z_FINISH)));
    const half = "x".repeat(500);
    assert.deepEqual(read([frame(0xc1, streams(2, half))], agreed), [`message ${half}${half}`]);
    assert.deepEqual(read([frame(0xc1, streams(3, half))], agreed), ["fault 1009"]);
    const over = Buffer.concat([streams(2, half), deflated("x")]);
    assert.deepEqual(read([frame(0xc1, over)], agreed), ["fault 1009"]);
    assert.deepEqual(read([frame(0xc1, streams(16, "x"))], agreed), [`message ${"x".repeat(16)}`]);
    assert.deepEqual(read([frame(0xc1, streams(17, "x"))], agreed), ["fault 1008"]);
    assert.deepEqual(read([frame(0xc1, streams(400, ""))], agreed), ["fault 1008"]);
  });

  it("X12: a compressed message that was cut short is never taken for a shorter one", () => {
    const events = '{"event":"client-a","channel":"private-b","data":'.repeat(3) + text;
    const first = deflated(events, constants.Z_FINISH);
    for (const [bytes, from] of [
      [deflated(events), 1],
      [first, 1],
      [Buffer.concat([first, deflated(events)]), first.length + 1],
    ] as const) {
      for (let length = from; length < bytes.length; length += 1) {
        assert.deepEqual(read([frame(0xc1, bytes.subarray(0, length))], agreed), ["fault 1007"]);
      }
    }
  });

  it("X12: every message is read by itself", () => {
    const twice = [frame(0xc1, deflated(text)), frame(0xc1, deflated(text))];
    assert.deepEqual(read(twice, agreed), [`message ${text}`, `message ${text}`]);
  });

  for (const [what, bytes, code] of [
    ["RSV1 of a continuation", Buffer.concat([frame(0x41, "x"), frame(0xc0, "y")]), 1002],
    ["RSV1 of a ping", frame(0xc9, "x"), 1002],
    ["what can't be inflated", frame(0xc1, Buffer.from([0xff, 0xff, 0xff])), 1007],
    ["what stops within a block", frame(0xc1, deflated(text).subarray(0, -5)), 1007],
    ["what follows a final block and is none", frame(0xc1, Buffer.from([3, 0, 0xff, 0xff])), 1007],
    ["what stops within its only block", frame(0xc1, deflated("{}").subarray(0, 1)), 1007],
    ["what inflates to no UTF-8", frame(0xc1, deflated(Buffer.from([0xff]))), 1007],
    ["what inflates to more", frame(0xc1, deflated("x".repeat(1_001))), 1009],
    ["a bomb", frame(0xc1, deflated(Buffer.alloc(900_000))), 1009],
  ] as const) {
    it(`X12: ${what} ends it with ${code}`, () => {
      assert.deepEqual(read([bytes, frame(0x81, "after")], agreed), [`fault ${code}`]);
    });
  }
});
