import assert from "node:assert/strict";
import { test } from "node:test";
import { createStory, toLine, type Told } from "./story.ts";

test("a late viewer gets the history, then the current state, then what happens live", () => {
  const story = createStory(() => 7);
  story.add({ who: "app", text: "first" });
  story.change({ isSlow: true });
  const seen: Told[] = [];
  const leave = story.watch((told) => seen.push(told));
  story.add({ who: "demo", text: "second" });
  leave();
  story.add({ who: "demo", text: "nobody watches" });
  assert.deepEqual(
    seen.map((told) => (told.kind === "line" ? told.line.text : told.scene.isSlow)),
    ["first", true, "second"],
  );
});

test("keeps the last lines only", () => {
  const story = createStory(() => 7);
  for (let index = 0; index < 100; index++) story.add({ who: "app", text: String(index) });
  const seen: Told[] = [];
  story.watch((told) => seen.push(told));
  assert.equal(seen.length, 81);
});

test("a line of the sidecar's log is shown with its fields and its hint", () => {
  const entry = { level: "warn", msg: "publish refused", app_id: "demo", reason: "x", hint: "do" };
  assert.deepEqual(toLine(JSON.stringify(entry)), {
    who: "sidecar",
    text: "publish refused  reason=x",
    detail: "do",
  });
  assert.deepEqual(toLine("no JSON"), { who: "sidecar", text: "no JSON" });
  assert.equal(toLine('{"msg":"request proxied","method":"GET","status":200}'), null);
});
