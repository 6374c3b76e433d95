import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Topics } from "./topics.ts";

/** A server that takes its time, and what is subscribed there. */
function createServer() {
  const subscribed = new Set<string>();
  const log: string[] = [];
  let isGone = false;
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const command = async (name: string, channels: readonly string[], apply: (c: string) => void) => {
    log.push(`${name} ${channels.join()}`);
    await turn();
    if (isGone) throw new Error("gone");
    channels.forEach(apply);
    await turn();
  };
  let faults = 0;
  let link = new AbortController();
  const topics = new Topics({
    subscribe: (channels) => command("+", channels, (channel) => subscribed.add(channel)),
    unsubscribe: (channels) => command("-", channels, (channel) => subscribed.delete(channel)),
    onFault: () => (faults += 1),
  });
  return {
    topics,
    connect: () => topics.connect(link.signal),
    lose: () => {
      link.abort();
      link = new AbortController();
    },
    subscribed,
    log,
    turn,
    faults: () => faults,
    setGone: (value: boolean) => (isGone = value),
  };
}

describe("topics", () => {
  it("topics wanted at once go in one command, without those no longer wanted", async () => {
    const { topics, connect, log } = createServer();
    await connect();
    log.length = 0;
    const waits = ["a", "b", "c"].map((channel) => topics.want(channel));
    topics.drop("b");
    await Promise.all(waits);
    assert.deepEqual(log, ["+ a,c"]);
    await topics.want("a");
    assert.deepEqual(log, ["+ a,c"]);
  });

  it("a channel that is wanted while it is being unsubscribed is awaited until it is subscribed again", async () => {
    const { topics, connect, subscribed, turn } = createServer();
    await connect();
    await topics.want("a");
    topics.drop("a");
    await turn();
    await topics.want("a");
    assert.ok(subscribed.has("a"));
  });

  it("a command that fails is a fault; connecting makes it good", async () => {
    const { topics, connect, subscribed, faults, setGone } = createServer();
    await connect();
    setGone(true);
    await topics.want("a");
    assert.equal(faults(), 1);
    await assert.rejects(connect());
    setGone(false);
    await connect();
    assert.deepEqual([...subscribed], ["a"]);
  });

  it("a link that is lost while it connects is not connected", async () => {
    const { topics, connect, lose, log } = createServer();
    const connecting = connect();
    lose();
    await assert.rejects(connecting);
    log.length = 0;
    await topics.want("a");
    assert.deepEqual(log, []);
  });

  it("whatever is wanted and dropped, in the end that is subscribed which is wanted; who waited for it has it", async () => {
    const step = fc.record({
      channel: fc.constantFrom("a", "b", "c"),
      isWanted: fc.boolean(),
      turns: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: "max" }), async (steps) => {
        const { topics, connect, subscribed, turn } = createServer();
        await connect();
        const wanted = new Set<string>();
        const versions = new Map<string, number>();
        const checks: Promise<void>[] = [];
        for (const { channel, isWanted, turns } of steps) {
          const version = (versions.get(channel) ?? 0) + 1;
          versions.set(channel, version);
          if (isWanted) {
            wanted.add(channel);
            const wait = topics.want(channel);
            checks.push(
              (async () => {
                await wait;
                if (versions.get(channel) === version) assert.ok(subscribed.has(channel));
              })(),
            );
          } else {
            wanted.delete(channel);
            topics.drop(channel);
          }
          for (let i = 0; i < turns; i++) await turn();
        }
        await Promise.all(checks);
        for (let i = 0; i < 20; i++) await turn();
        assert.deepEqual([...subscribed].toSorted(), [...wanted].toSorted());
      }),
      {
        numRuns: 500,
        // Given up while others are subscribed, and wanted again.
        examples: [
          [
            [
              { channel: "a", isWanted: true, turns: 1 },
              { channel: "c", isWanted: true, turns: 1 },
              { channel: "a", isWanted: false, turns: 1 },
              { channel: "a", isWanted: true, turns: 0 },
            ],
          ],
        ],
      },
    );
  });
});
