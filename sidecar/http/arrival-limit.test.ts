import assert from "node:assert/strict";
import { createServer, IncomingMessage } from "node:http";
import { it } from "node:test";
import { queryObjects } from "node:v8";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { limitArrival } from "./arrival-limit.ts";

const request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";

it("only one request of a connection is kept until the next check, however many came", async (test) => {
  test.mock.timers.enable({ apis: ["setInterval"] });
  const server = createServer((req, res) => {
    req.resume();
    req.once("end", () => res.end("."));
  });
  limitArrival(server, 60_000, () => assert.fail("none is slow"));
  const client = await connectRaw(test, await listen(test, server));
  const before = Number(queryObjects(IncomingMessage));
  for (let count = 1; count <= 20; count++) {
    client.write(request);
    await client.until((text) => text.split("HTTP/1.1 200").length > count);
  }
  const kept = Number(queryObjects(IncomingMessage)) - before;
  assert.ok(kept <= 1, `${kept} are kept`);
});
