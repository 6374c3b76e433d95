import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { app } from "../kit/start.ts";
import { startNode } from "./node.ts";
import { isKept, runs, seeds } from "./seeds.ts";

let node: Awaited<ReturnType<typeof startNode>>;
before(async () => (node = await startNode()));
after(() => node.stop());

const text = fc.oneof(fc.string(), fc.constantFrom("a", "presence-a", "cache-a", "x".repeat(300)));
const tooLong = fc.constantFrom("x".repeat(300_000), "é".repeat(140_000));
/** One that is taken, or has one thing wrong at most. */
const likely = fc.record({
  name: fc.constantFrom("a", "b"),
  data: fc.oneof({ weight: 3, arbitrary: fc.string() }, tooLong),
  channel: fc.constantFrom("a", "presence-a", "cache-a", "private-a"),
});
const event = fc.oneof(
  likely,
  fc.record(
    {
      name: fc.oneof(text, fc.jsonValue()),
      data: fc.oneof(text, fc.jsonValue(), tooLong),
      channels: fc.oneof(
        fc.array(fc.oneof(text, fc.jsonValue())),
        fc.array(fc.constant("a"), { minLength: 99, maxLength: 102, size: "max" }),
        fc.jsonValue(),
      ),
      channel: fc.oneof(text, fc.jsonValue()),
      socket_id: fc.oneof(fc.constant("1.2"), fc.jsonValue()),
      info: fc.oneof(fc.constant("user_count,cache"), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);
const call = fc.record({
  method: fc.oneof(
    { weight: 4, arbitrary: fc.constant("POST") },
    { weight: 3, arbitrary: fc.constant("GET") },
    { weight: 2, arbitrary: fc.constantFrom("PUT", "DELETE", "HEAD", "OPTIONS") },
  ),
  route: fc.oneof(
    fc.constantFrom("events", "batch_events"),
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
    fc.array(event, { maxLength: 12, size: "max" }).map((batch) => JSON.stringify({ batch })),
    fc.array(likely, { minLength: 9, maxLength: 12 }).map((batch) => JSON.stringify({ batch })),
    fc.string({ unit: "binary" }),
    fc.constant("[".repeat(5000)),
  ),
  isSigned: fc.nat(4).map((n) => n > 0),
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
      // The run has reached every room: the good, the unsigned, the wrong method, the unknown route, the invalid, the too long.
      const everywhere = [200, 401, 404, 405, 413, 422];
      const reached = everywhere.filter((status) => statuses.has(status));
      if (isKept(seed)) assert.deepEqual(reached, everywhere);
    });
  }
});
