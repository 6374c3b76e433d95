import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Gathered } from "./gathered.ts";

test("what comes in one turn is handed out together, in its order, and what comes later by itself", async () => {
  const handedOut: string[] = [];
  const gathered = new Gathered((bytes) => handedOut.push(bytes.toString()));
  const pieces = ["a", "b", "c".repeat(2_000), "d", ...("e".repeat(40_000).match(/.{900}/g) ?? [])];
  for (const piece of pieces) gathered.push(Buffer.from(piece));
  await turn();
  gathered.push(Buffer.from("later"));
  gathered.flush();
  gathered.push(Buffer.from("dropped"));
  gathered.clear();
  await turn();
  assert.deepEqual(handedOut, [pieces.join(""), "later"]);
});

test("short pieces behind the first of a turn are copied, so that none is kept as an object of its own; long ones are not", () => {
  const handedOut: Buffer[] = [];
  const gathered = new Gathered((bytes) => handedOut.push(bytes));
  const short = Buffer.from("short");
  gathered.push(Buffer.from("first, "));
  gathered.push(short);
  short.fill(0);
  gathered.flush();
  const long = Buffer.alloc(65_536);
  gathered.push(long);
  gathered.flush();
  assert.equal(handedOut[0]?.toString(), "first, short");
  assert.equal(handedOut[1], long);
});
