import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { createBatch } from "./batch.ts";
import { encodeEvent } from "./encoded-event.ts";

const app = { key: "the-key", secret: "the-secret" };
const events = [
  encodeEvent({ name: "cache_miss", channel: "cache-a" }, 2_000),
  encodeEvent({ name: "user_connected", user_id: "Zoë 🦊" }, 1_500),
  encodeEvent({ name: "subscription_count", channel: "a", subscription_count: 3 }, 2_500),
];

describe("createBatch", () => {
  it("W03: the body is Pusher's, with the time of what happened first", () => {
    const { body, count, bytes } = createBatch(events, app);
    assert.equal(
      body.toString(),
      '{"time_ms":1500,"events":[{"name":"cache_miss","channel":"cache-a"},' +
        '{"name":"user_connected","user_id":"Zoë 🦊"},' +
        '{"name":"subscription_count","channel":"a","subscription_count":3}]}',
    );
    assert.equal(count, 3);
    assert.equal(bytes, body.length - '{"time_ms":1500,"events":[,,]}'.length);
  });

  it("W03: the headers name the key and sign the very bytes", () => {
    const { body, headers } = createBatch(events, app);
    assert.equal(headers["Content-Type"], "application/json");
    assert.equal(headers["X-Pusher-Key"], "the-key");
    assert.equal(
      headers["X-Pusher-Signature"],
      createHmac("sha256", "the-secret").update(body).digest("hex"),
    );
  });

  it("W03: half a surrogate pair is signed as it is sent", () => {
    const { body, headers } = createBatch(
      [encodeEvent({ name: "user_connected", user_id: "\ud83e" }, 1)],
      app,
    );
    assert.deepEqual(JSON.parse(body.toString()).events[0].user_id, "\ud83e");
    const signature = createHmac("sha256", "the-secret").update(body).digest("hex");
    assert.equal(headers["X-Pusher-Signature"], signature);
  });
});
