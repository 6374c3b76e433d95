import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainNode } from "./node-version.ts";

describe("the Node it runs on", () => {
  for (const version of ["v22.11.0", "v22.23.3", "v23.0.0", "v24.21.0", "v100.0.0"]) {
    it(`${version} is new enough`, () => assert.equal(explainNode(version, "/node"), null));
  }

  for (const version of ["v18.20.0", "v20.20.2", "v22.10.0", "v22.4.1"]) {
    it(`${version} is not: one line says which is needed, which was found and where`, () => {
      const line = explainNode(version, "/usr/bin/node") ?? "";
      assert.match(line, /^Pogo Sidecar needs Node 22\.11 or newer, .*\(\/usr\/bin\/node\)\..*\n$/);
      assert.ok(line.includes(version.slice(1)));
    });
  }
});
