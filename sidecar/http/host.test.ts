import assert from "node:assert/strict";
import { test } from "node:test";
import { isEveryAddress, reachableHost, urlHost } from "./host.ts";

const rows: readonly (readonly [host: string, isEvery: boolean, reached: string, inUrl: string])[] =
  [
    ["localhost", false, "localhost", "localhost"],
    ["10.0.0.7", false, "10.0.0.7", "10.0.0.7"],
    ["fd00::7", false, "fd00::7", "[fd00::7]"],
    ["0.0.0.0", true, "127.0.0.1", "0.0.0.0"],
    ["::", true, "::1", "[::]"],
  ];

for (const [host, isEvery, reached, inUrl] of rows) {
  test(`${host}: whether it is every address, where it is reached from the machine, how a URL has it`, () => {
    assert.deepEqual(
      [isEveryAddress(host), reachableHost(host), urlHost(host)],
      [isEvery, reached, inUrl],
    );
  });
}
