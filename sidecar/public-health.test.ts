import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NotReady } from "./observability/admin-pages.ts";
import { originalHealth } from "./public-health.ts";

describe("health on the public port", () => {
  const rows: Readonly<Record<NotReady, string>> = {
    starting: "hub_not_initialized",
    leaving: "shutting_down",
    draining: "shutting_down",
    "Redis is lost": "broker_stream_closed",
  };

  it("O07: a node that wants traffic is ok", () => {
    assert.deepEqual(originalHealth({ ready: true }), { status: 200, body: '{"status":"ok"}' });
  });

  it("O07: one that does not is 503, with the reason in the original's words", () => {
    for (const reason of ["starting", "leaving", "draining", "Redis is lost"] as const) {
      const body = JSON.stringify({ status: rows[reason] });
      assert.deepEqual(originalHealth({ ready: false, reason }), { status: 503, body });
    }
  });
});
