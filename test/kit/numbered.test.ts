/** How what came is compared with what was published: tests of the tests' own measure. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { listen } from "../../sidecar/testing/raw-http.ts";
import { faultless, judge, startNumbered } from "./numbered.ts";
import { app } from "./sign.ts";

test("finds what was missed, came twice, and came after a later one", () => {
  assert.deepEqual(judge([1, 2, 3], [1, 2, 3]), faultless);
  assert.deepEqual(judge([1, 3], [1, 2, 3]), faultless, "one whose answer was lost may have come");
  assert.deepEqual(judge([1, 2, 3, 4], [1, 4]), { missed: [2, 3], doubled: [], late: [] });
  assert.deepEqual(judge([1, 2, 3], [1, 2, 2, 1, 3]), { missed: [], doubled: [2, 1], late: [] });
  assert.deepEqual(judge([1, 2, 3], [1, 3, 2]), { missed: [], doubled: [], late: [2] });
});

test("publishes in turn to each channel, and knows what was taken", async (t) => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.once("end", () => {
      const { channels, data } = Object(JSON.parse(text));
      const { n } = Object(JSON.parse(data));
      seen.push(`${channels} ${n}`);
      response.writeHead(n === 2 ? 503 : 200).end("{}");
    });
  });
  const port = await listen(t, server);
  const load = startNumbered({ port, app, channels: ["a", "b"], everyMs: 1 });
  await load.untilTaken(2);
  await load.stop();
  for (const channel of ["a", "b"]) {
    assert.deepEqual(load.taken.get(channel)?.slice(0, 2), [1, 3]);
    const sent = seen.filter((line) => line.startsWith(channel));
    assert.deepEqual(
      sent,
      sent.map((_, index) => `${channel} ${index + 1}`),
    );
  }
  assert.deepEqual(load.failures, { 503: 2 });
});
