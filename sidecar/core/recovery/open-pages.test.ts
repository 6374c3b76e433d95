import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTestNode } from "../testing/doubles.ts";
import { MemoryLog } from "./memory-log.ts";
import { OpenPages } from "./open-pages.ts";
import type { Checkpoints } from "./ports.ts";

function createPages() {
  const stored: { tokens: readonly string[]; position: string | null }[] = [];
  const lengths: number[] = [];
  const forgotten: string[] = [];
  const redis = { isThere: true };
  const checkpoints: Checkpoints = {
    store(sessions, position, done) {
      if (redis.isThere) stored.push({ tokens: [...sessions.keys()], position });
      lengths.push([...sessions.values()].join("").length);
      done(redis.isThere);
    },
    forget: (token) => void forgotten.push(token),
    onClaimed: () => undefined,
  };
  const many = {
    maxEvents: 1_000,
    maxBytes: 1e6,
    totalEvents: 1_000,
    totalBytes: 1e6,
    maxAgeMs: 1e6,
  };
  const log = new MemoryLog(many);
  let shared = 0;
  const pages: OpenPages = new OpenPages(log, checkpoints, {
    onReplaced: (connection) =>
      void (connection.recovery && pages.remove(connection, connection.recovery)),
    onShared: () => (shared += 1),
  });
  const node = createTestNode();
  return {
    pages,
    shared: () => shared,
    stored,
    /** Characters of each time. */
    lengths,
    forgotten,
    redis,
    checkpoints,
    log,
    async open(token: string, isOfOnePage = true, channels: readonly string[] = ["news"]) {
      const client = node.connect({ token, isOfOnePage });
      const { connection } = client;
      const { recovery } = connection;
      assert.ok(recovery);
      for (const channel of channels) await client.subscribe(channel);
      pages.add(connection, recovery);
      pages.changed(recovery);
      return { connection, recovery, transport: client.transport };
    },
  };
}

describe("Y21: what open pages would leave", () => {
  it("is stored with the tick behind each change, and only then; how far all have come with each tick", async () => {
    const { pages, stored, open, log } = createPages();
    pages.tick(0);
    assert.deepEqual(stored, []);
    const { recovery } = await open("a");
    for (let n = 1; n <= 4; n += 1) {
      log.mark();
      pages.tick(n);
    }
    pages.changed(recovery);
    pages.tick(5);
    assert.deepEqual(stored, [
      { tokens: ["a"], position: null },
      { tokens: [], position: null },
      { tokens: [], position: "2" },
      { tokens: [], position: "3" },
      { tokens: ["a"], position: "4" },
    ]);
  });

  it("is stored again where it could not be, and at most 1,000 in a tick", async () => {
    const { pages, stored, open, redis } = createPages();
    for (let n = 0; n < 1_200; n += 1) await open(`page-${n}`);
    redis.isThere = false;
    pages.tick(0);
    redis.isThere = true;
    for (let n = 1; n <= 3; n += 1) pages.tick(n);
    assert.deepEqual(
      stored.map(({ tokens }) => tokens.length),
      [1_000, 200, 0],
    );
    assert.equal(new Set(stored.flatMap(({ tokens }) => tokens)).size, 1_200);
  });

  it("is at most a megabyte in a tick, and one page where that is more alone", async () => {
    const { pages, stored, lengths, open } = createPages();
    const channels = Array.from({ length: 1_000 }, (_, n) => `${n}${"c".repeat(200)}`);
    for (let n = 0; n < 10; n += 1) await open(`page-${n}`, true, channels);
    for (let n = 0; n < 4; n += 1) pages.tick(n);
    assert.equal(new Set(stored.flatMap(({ tokens }) => tokens)).size, 10);
    const [longest = 0] = lengths.toSorted((a, b) => b - a);
    assert.ok(longest > 1_048_576 && longest < 1_048_576 + 300_000, lengths.join());
  });

  it("is nothing for tabs that share a cookie, nor for a page that has left", async () => {
    const { pages, stored, open, forgotten } = createPages();
    await open("browser", false);
    const { connection, recovery } = await open("a");
    assert.equal(pages.remove(connection, recovery), true);
    pages.forget("a");
    await open("b");
    pages.tick(0);
    assert.deepEqual(stored[0]?.tokens, ["b"]);
    assert.deepEqual(forgotten, ["a"]);
  });

  it("is forgotten where the page has nothing any more, though it is still there", async () => {
    const { pages, open, forgotten } = createPages();
    const { connection, recovery } = await open("a");
    pages.tick(0);
    connection.subscriptions.clear();
    pages.changed(recovery);
    pages.tick(1);
    assert.deepEqual(forgotten, ["a"]);
  });

  it("Y19: a page that comes anew, here or at another node, ends its old connection", async () => {
    const { pages, open, checkpoints } = createPages();
    const first = await open("a");
    const second = await open("a");
    assert.equal(first.transport.closed?.code, 4201);
    assert.equal(pages.remove(first.connection, first.recovery), false);
    checkpoints.onClaimed("another");
    assert.equal(second.transport.closed?.code, undefined);
    checkpoints.onClaimed("a");
    assert.equal(second.transport.closed?.code, 4201);
  });

  it("Y19: a claim for the old connection does not end the new one, which has come to the same node", async () => {
    const { open, checkpoints } = createPages();
    const { recovery, transport } = await open("a");
    const asking = { session: null, seats: new Map(), waiting: [], endsMs: 1 };
    recovery.resumption = { ...asking, leftEvents: 1, leftBytes: 1 };
    checkpoints.onClaimed("a");
    assert.equal(transport.closed?.code, undefined);
    recovery.resumption = null;
    checkpoints.onClaimed("a");
    assert.equal(transport.closed?.code, 4201);
  });

  it("Y19: pages that share a token do not end each other's connections for ever", async () => {
    const { pages, open, shared } = createPages();
    const opened = [];
    for (let n = 0; n < 8; n += 1) opened.push(await open("a"));
    assert.deepEqual(
      opened.map(({ transport }) => transport.closed?.code),
      [4201, 4201, 4201, ...Array.from({ length: 5 }, () => undefined)],
    );
    assert.equal(shared(), 4);
    for (let n = 0; n < 5; n += 1) pages.tick(n);
    await open("a");
    assert.equal(opened.at(-1)?.transport.closed?.code, 4201);
  });
});
