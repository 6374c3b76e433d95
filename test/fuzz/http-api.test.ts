import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { app } from "../kit/start.ts";
import { startNode } from "./node.ts";
import { runs, seeds } from "./seeds.ts";

let node: Awaited<ReturnType<typeof startNode>>;
before(async () => (node = await startNode()));
after(() => node.stop());

const text = fc.oneof(fc.string(), fc.constantFrom("a", "presence-a", "cache-a", "x".repeat(300)));
const event = fc.oneof(
  fc.record(
    {
      name: fc.oneof(text, fc.jsonValue()),
      data: fc.oneof(text, fc.jsonValue()),
      channels: fc.oneof(fc.array(fc.oneof(text, fc.jsonValue())), fc.jsonValue()),
      channel: fc.oneof(text, fc.jsonValue()),
      socket_id: fc.oneof(fc.constant("1.2"), fc.jsonValue()),
      info: fc.oneof(fc.constant("user_count,cache"), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);
const call = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"),
  route: fc.oneof(
    fc.constantFrom(
      "events",
      "batch_events",
      "channels",
      "connections",
      "users/1/terminate_connections",
    ),
    text.map((name) => `channels/${encodeURIComponent(name.toWellFormed())}`),
    text.map((name) => `channels/${encodeURIComponent(name.toWellFormed())}/users`),
    fc.constantFrom("channels/%", "channels/%ff", "channels/%00/users", "nope", ""),
  ),
  query: fc.dictionary(fc.constantFrom("info", "filter_by_prefix", "x", "__proto__"), text),
  body: fc.oneof(
    event.map((value) => JSON.stringify(value)),
    fc.array(event).map((batch) => JSON.stringify({ batch })),
    fc.string({ unit: "binary" }),
    fc.constant("[".repeat(5000)),
  ),
  isSigned: fc.boolean(),
});

describe("whatever is sent to the HTTP API", () => {
  for (const seed of seeds) {
    it(`is answered from the documents (FUZZ_SEED=${seed})`, async () => {
      const statuses = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(call, async ({ method, route, query, body, isSigned }) => {
          const secret = isSigned ? app.secret : "wrong";
          const answer = await node.call(route, { method, query, body, secret });
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          assert.ok(
            [200, 400, 401, 404, 405, 413, 422].includes(answer.status),
            String(answer.status),
          );
          if (answer.status === 200 && method !== "HEAD") {
            assert.equal(typeof JSON.parse(answer.text), "object");
          }
          if (!isSigned) assert.notEqual(answer.status, 200);
        }),
        { seed, numRuns: runs(1000) },
      );
      // The run has reached every room: the good, the unsigned, the wrong method, the unknown route, the invalid.
      const reached = [200, 401, 404, 405, 422].filter((status) => statuses.has(status));
      assert.deepEqual(reached, [200, 401, 404, 405, 422]);
    });
  }
});
