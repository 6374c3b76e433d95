import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { clientFeatures } from "../e2e/matrix/client-features.ts";
import { clientKinds } from "../e2e/matrix/clients.ts";
import { renderCompatibilityDocs } from "../e2e/matrix/docs.ts";
import { serverFeatures } from "../e2e/matrix/server-features.ts";
import { serverKinds } from "../e2e/matrix/servers.ts";

const text = readFileSync(new URL("../../docs/compatibility.md", import.meta.url), "utf8");

describe("docs/compatibility.md", () => {
  it("is made of the tables that the tests walk, with the installed versions (npm run docs)", () => {
    assert.equal(text, renderCompatibilityDocs());
  });

  it("has a cell for every client and server with every feature", () => {
    const cells = text.match(/ (✓|– \(\d+\)) (?=\|)/g) ?? [];
    const clientCells = clientKinds.length * Object.keys(clientFeatures).length;
    const serverCells = serverKinds.length * Object.keys(serverFeatures).length;
    assert.equal(cells.length, clientCells + serverCells);
  });

  it("says why for every –, and of nothing that is not in the table", () => {
    for (const [kinds, features] of [
      [clientKinds, clientFeatures],
      [serverKinds, serverFeatures],
    ] as const) {
      for (const [id, reason] of kinds.flatMap(({ cannot }) => Object.entries(cannot))) {
        assert.ok(Object.hasOwn(features, id), id);
        assert.ok(text.includes(reason), reason);
      }
    }
  });

  for (const major of ["pusher-js 7", "pusher-js 8", "laravel-echo 1", "laravel-echo 2"]) {
    it(`has a column for ${major}`, () =>
      assert.match(text, new RegExp(`^\\| .*${major}\\.`, "m")));
  }
});
