import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeFlags } from "./describe.ts";
import { allOptions } from "./table/table.ts";

describe("usage", () => {
  it("has every flag, each with its name in the environment", () => {
    const usage = describeFlags();
    for (const { flag, env } of allOptions) {
      assert.match(usage, new RegExp(`^  ${flag} <`, "m"));
      assert.match(usage, new RegExp(`^      ${env}[,;]`, "m"));
    }
  });

  it("fits a terminal: no line is longer than 160 characters", () => {
    const long = describeFlags()
      .split("\n")
      .filter((line) => line.length > 160);
    assert.deepEqual(long, []);
  });
});
