import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorDataFor } from "./dialect.ts";
import { createTestNode } from "./testing/doubles.ts";

describe("C21: data of pusher:error", () => {
  const urls: [url: string, data: string][] = [
    ["/app/key", "string"],
    ["/app/key?protocol=7&client=js&version=8.6.0", "string"],
    ["/app/key?client=pusher-websocket-swift&version=10.1.5&protocol=7", "object"],
    ["/app/key?protocol=5&client=pusher-dotnet-client&version=2.3.0", "object"],
    ["/app/key?client=java-client&protocol=5", "string"],
    ["/app/key?client=pusher-websocket-swift-2", "string"],
    ["/app/pusher-websocket-swift", "string"],
    ["/app/key?x=client=pusher-websocket-swift", "string"],
    ["/app/key?%", "string"],
    ["", "string"],
  ];
  for (const [url, data] of urls) {
    it(`${url}: ${data}`, () => assert.equal(errorDataFor(url), data));
  }

  it("is an object for the clients that read nothing else; all else is as for others", async () => {
    const client = createTestNode().connect({ errorData: "object" });
    const [error, named] = await client.say({
      event: "pusher:subscribe",
      data: { channel: "private-x" },
    });
    const data = { code: 4009, message: "Connection is unauthorized" };
    assert.deepEqual(error, { event: "pusher:error", data });
    assert.equal(typeof named?.["data"], "string");
    const [succeeded] = await client.subscribe("news");
    assert.equal(succeeded?.["data"], "{}");
  });

  it("is encoded once for all who are refused alike", async () => {
    const node = createTestNode();
    const [one, two] = [node.connect(), node.connect()];
    for (const client of [one, one, two]) await client.sayText("x");
    const frames = new Set([...one.transport.frames, ...two.transport.frames]);
    assert.equal(frames.size, 1);
  });
});
