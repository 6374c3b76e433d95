import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeEvent, encodeTerminate } from "./envelope.ts";
import { controlChannel } from "./keys.ts";
import { LogMirror } from "./log-mirror.ts";
import { beginning, compareEntryIds } from "./entry-id.ts";
import type { LogEntry } from "./scripts/events.ts";

/** A log of Redis, in an array, and a mirror of it. */
function createLog({ maxBytes = 1_000_000, idleMs = 60_000 } = {}) {
  const entries: LogEntry[] = [];
  const asked: string[] = [];
  let received = 0;
  const gate = { promise: Promise.resolve() };
  let ids = 0;
  const mirror = new LogMirror({
    appId: "app",
    async read(after, count) {
      asked.push(after);
      await gate.promise;
      const behind = entries.filter(({ id }) => compareEntryIds(id, after) > 0);
      const page = behind.slice(0, count);
      return {
        entries: page,
        upTo: page.at(-1)?.id ?? null,
        isLast: behind.length < count,
      };
    },
    reachesBack: (after) =>
      Promise.resolve(
        after === beginning ? entries.length === ids : entries.some(({ id }) => id === after),
      ),
    whenReceived: () => {
      received += 1;
      return Promise.resolve();
    },
    maxBytes,
    idleMs,
  });
  function add(message: string, channels: readonly string[]): string {
    const id = `1000-${(ids += 1)}`;
    entries.push({ id, message, channels });
    return id;
  }
  return {
    mirror,
    entries,
    asked,
    gate,
    received: () => received,
    publish(channels: string | readonly string[], event: string): string {
      const [first = "", ...more] = [channels].flat();
      const content = { appId: "app", channel: first, event, dataJson: '"{}"' };
      return add(encodeEvent({ id: event, node: "n" }, content), [first, ...more]);
    },
    terminate: (user: string) => add(encodeTerminate(`t${ids}`, user), [controlChannel]),
    async missed(channel: string, after: string): Promise<string[] | null> {
      const missed = await mirror.missed(channel, after);
      return missed.ok ? missed.events.map(({ event }) => event.event) : null;
    },
  };
}

describe("the mirror of Redis' log", () => {
  it("has what a channel had behind an entry, in order, of several channels too", async () => {
    const log = createLog();
    const start = log.publish("a", "one");
    log.publish(["a", "b"], "two");
    log.publish("b", "three");
    const last = log.publish("a", "four");
    assert.deepEqual(await log.missed("a", start), ["two", "four"]);
    assert.deepEqual(await log.missed("b", start), ["two", "three"]);
    assert.deepEqual(await log.missed("a", beginning), ["one", "two", "four"]);
    assert.deepEqual(await log.missed("a", last), []);
  });

  it("reads once for all who ask at a time, and then only what is new", async () => {
    const log = createLog();
    const start = log.publish("a", "one");
    log.publish("a", "two");
    await Promise.all(Array.from({ length: 100 }, () => log.missed("a", start)));
    assert.equal(log.asked.length, 1);
    const third = log.publish("a", "three");
    assert.deepEqual(await log.missed("a", start), ["two", "three"]);
    assert.deepEqual(log.asked, [start, "1000-2"]);
    assert.deepEqual(await log.missed("a", third), []);
  });

  it("a reader that asks during a read gets everything published before it asked", async () => {
    const log = createLog();
    const start = log.publish("a", "one");
    const opened = Promise.withResolvers<void>();
    log.gate.promise = opened.promise;
    const first = log.missed("a", start);
    await new Promise((resolve) => setImmediate(resolve));
    const read = log.entries.slice();
    log.publish("a", "two");
    const second = log.missed("a", start);
    opened.resolve();
    assert.ok((await first) !== null && read.length === 1);
    assert.deepEqual(await second, ["two"]);
    assert.equal(log.asked.length, 2);
  });

  it("gives nothing that may still be delivered: what was published has been received by then", async () => {
    const log = createLog();
    const start = log.publish("a", "one");
    await log.missed("a", start);
    assert.equal(log.received(), 1);
    await Promise.all([log.missed("a", start), log.missed("b", start)]);
    assert.equal(log.received(), 2);
  });

  it("says so where the log reaches back less far, and serves those for whom it is enough", async () => {
    const log = createLog();
    const gone = log.publish("a", "one");
    log.publish("a", "two");
    const kept = log.publish("a", "three");
    log.publish("a", "four");
    log.entries.splice(0, 2);
    const [old, recent] = await Promise.all([log.missed("a", gone), log.missed("a", kept)]);
    assert.equal(old, null);
    assert.deepEqual(recent, ["four"]);
    assert.equal(await log.missed("a", beginning), null);
    log.entries.splice(0);
    assert.equal(await createLog().missed("a", gone), null);
  });

  it("keeps no more than it may, the newest", async () => {
    const log = createLog({ maxBytes: 2_000 });
    const start = log.publish("a", "event-0");
    let last = start;
    for (let n = 1; n <= 10; n += 1) last = log.publish("a", `event-${n}`);
    assert.equal(await log.missed("a", start), null);
    log.publish("a", "new");
    assert.deepEqual(await log.missed("a", last), ["new"]);
  });

  it("is given up when nobody asks", async () => {
    const log = createLog({ idleMs: 1_000 });
    const start = log.publish("a", "one");
    await log.missed("a", start);
    log.mirror.tick(1_001);
    await log.missed("a", start);
    assert.deepEqual(log.asked, [start, start]);
  });

  it("Y13: knows who was terminated, and when", async () => {
    const log = createLog();
    const before = log.publish("a", "one");
    const at = log.terminate("ada");
    assert.equal(await log.mirror.wasTerminated(new Set(["ada"]), before), true);
    assert.equal(await log.mirror.wasTerminated(new Set(["grace"]), before), false);
    assert.equal(await log.mirror.wasTerminated(new Set(["ada"]), at), false);
  });

  it("a reading that fails is nobody's answer, and the next one is tried", async () => {
    const log = createLog();
    const start = log.publish("a", "one");
    log.gate.promise = Promise.reject(new Error("no answer in time"));
    await assert.rejects(log.missed("a", start));
    log.gate.promise = Promise.resolve();
    assert.deepEqual(await log.missed("a", start), []);
  });
});
