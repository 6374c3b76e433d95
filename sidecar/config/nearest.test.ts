import assert from "node:assert/strict";
import { it } from "node:test";
import { nearest } from "./nearest.ts";

it("a letter more, less or other, or two that changed places, is near", () => {
  for (const typed of ["upstream", "upstrem", "uppstream", "upstraem", "upstteam"]) {
    assert.equal(nearest(typed, ["port", "upstream", "path"]), "upstream", typed);
  }
});

it("a name unlike all others has no nearest one, nor has one of a very different length", () => {
  assert.equal(nearest("xyzzy", ["port", "upstream"]), undefined);
  assert.equal(nearest("p".repeat(100_000), ["port", "p".repeat(80)]), undefined);
  assert.equal(nearest("port", []), undefined);
});
