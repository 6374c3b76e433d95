import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { agreeToDeflate } from "./deflate-offer.ts";

const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

describe("an offer of permessage-deflate", () => {
  for (const [what, offered, answer] of [
    ["of browsers", "permessage-deflate; client_max_window_bits", plain],
    ["without parameters", "permessage-deflate", plain],
    ["in capitals", "Permessage-Deflate", plain],
    [
      "that names all",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      plain,
    ],
    ["with the client's own window", "permessage-deflate; client_max_window_bits=9", plain],
    [
      "with a large window of the server's",
      "permessage-deflate; server_max_window_bits=15",
      `${plain}; server_max_window_bits=13`,
    ],
    [
      "with a value in quotes",
      'permessage-deflate; server_max_window_bits="13"',
      `${plain}; server_max_window_bits=13`,
    ],
    [
      "behind one that asks too much",
      "permessage-deflate; server_max_window_bits=9, permessage-deflate",
      plain,
    ],
    ["behind another extension", "x-webkit-deflate-frame, permessage-deflate", plain],
  ] as const) {
    it(`C08: ${what} is taken up, without a context on either side`, () => {
      assert.equal(agreeToDeflate(offered), answer);
    });
  }

  for (const [what, offered] of [
    ["nothing", ""],
    ["another extension", "permessage-bzip2"],
    ["a window that is too small", "permessage-deflate; server_max_window_bits=12"],
    ["a window of no size", "permessage-deflate; server_max_window_bits"],
    ["a value with a value", "permessage-deflate; server_max_window_bits=15=foo"],
    ["a window of an impossible size", "permessage-deflate; client_max_window_bits=16"],
    ["a window with a leading zero", "permessage-deflate; client_max_window_bits=09"],
    ["an unknown parameter", "permessage-deflate; toString"],
    [
      "a parameter twice",
      "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
    ["a value where there is none", "permessage-deflate; server_no_context_takeover=1"],
  ] as const) {
    it(`C08: ${what} is passed over`, () => {
      assert.equal(agreeToDeflate(offered), null);
    });
  }
});
