import assert from "node:assert/strict";
import { test } from "node:test";
import { toUpstreamError } from "./connection-error.ts";

const address = { kind: "tcp", host: "app.internal", port: 9000 } as const;

function coded(code: string): Error {
  return Object.assign(new Error(""), { code });
}

test("each error of a socket has words that name what is wrong, and its code", () => {
  const rows: readonly (readonly [error: Error, isConnected: boolean, expected: string])[] = [
    [
      coded("ECONNREFUSED"),
      false,
      "connect_failed: connection refused: nobody listens at app.internal:9000 (ECONNREFUSED)",
    ],
    [coded("ENOTFOUND"), false, "connect_failed: no such name: app.internal:9000 (ENOTFOUND)"],
    [
      coded("EAI_AGAIN"),
      false,
      "connect_failed: the name in app.internal:9000 can't be looked up now (EAI_AGAIN)",
    ],
    [
      coded("ETIMEDOUT"),
      false,
      "connect_timeout: connecting to app.internal:9000 timed out (ETIMEDOUT)",
    ],
    [coded("ECONNRESET"), true, "no_response: connection reset before the answer (ECONNRESET)"],
    [coded("EPIPE"), true, "no_response: connection closed while the request was sent (EPIPE)"],
    [coded("EODD"), true, "no_response: the connection failed (EODD)"],
    [new Error("something"), false, "connect_failed: something"],
    // What Node throws where a name has two addresses: without a text of its own.
    [
      new AggregateError([coded("ECONNREFUSED"), coded("ECONNREFUSED")]),
      false,
      "connect_failed: connection refused: nobody listens at app.internal:9000 (ECONNREFUSED)",
    ],
    [new AggregateError([]), false, "connect_failed: the connection failed"],
  ];
  for (const [error, isConnected, expected] of rows) {
    const { fault, message } = toUpstreamError(error, { isConnected, address });
    assert.equal(`${fault}: ${message}`, expected);
  }
});

test("a socket's path stands in the text", () => {
  const unix = { kind: "unix", socketPath: "/run/php.sock" } as const;
  const { message } = toUpstreamError(coded("ENOENT"), { isConnected: false, address: unix });
  assert.equal(message, "no such socket: /run/php.sock (ENOENT)");
});
