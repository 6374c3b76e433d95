/**
 * Random schedules against a model: pages that publish-and-subscribe, are cut off, closed in order, come back, leave, and
 * answer their pings or not. A page's model is the list of events that each of its channels owes it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom } from "../../testing/random.ts";
import { payloadOf } from "../frame.ts";
import { createRecoveringNode, type RecoveringNode } from "../testing/recovering.ts";

const schedules = 300;
const steps = 120;
const channels = ["a", "b", "cache-c", "private-d"];
const pagesAtOnce = 4;

type Client = ReturnType<RecoveringNode["connect"]>;

/** One page: what it is owed, and what it has read of the frames on their way to it. */
class Page {
  readonly token: string;
  readonly #node: RecoveringNode;
  readonly #mode: "orderly" | "all";
  /** By channel that it is in: events that are owed and have not been read. */
  readonly owed = new Map<string, string[]>();
  /** Of those read since the last acknowledgement: they may come again after a cut. */
  readonly unacknowledged = new Map<string, string[]>();
  readonly #mayRepeat = new Map<string, Set<string>>();
  client: Client | null = null;
  #readFrames = 0;

  constructor(node: RecoveringNode, mode: "orderly" | "all", token: string) {
    this.#node = node;
    this.#mode = mode;
    this.token = token;
  }

  async connect(): Promise<void> {
    this.client = this.#node.connect({ token: this.token });
    this.#readFrames = 0;
    for (const events of this.unacknowledged.values()) events.length = 0;
    for (const channel of this.owed.keys()) await this.client.subscribe(channel);
    // One that never answered would count as one that can't.
    this.#answerFirst();
  }

  async join(channel: string): Promise<void> {
    if (!this.client || this.owed.has(channel)) return;
    this.readAll();
    this.owed.set(channel, []);
    this.unacknowledged.set(channel, []);
    this.#mayRepeat.set(channel, new Set());
    await this.client.subscribe(channel);
    // Of a cache channel it gets the last event, which it is not owed.
    this.#skip(channel);
  }

  async part(channel: string): Promise<void> {
    if (!this.client || !this.owed.has(channel)) return;
    this.readAll();
    this.owed.delete(channel);
    this.unacknowledged.delete(channel);
    await this.client.say({ event: "pusher:unsubscribe", data: { channel } });
  }

  readAll(): void {
    this.read(Number.POSITIVE_INFINITY, false);
  }

  /** Reads so many frames, in their order. */
  read(count: number, answersPings: boolean): void {
    const { client } = this;
    if (!client) return;
    const { frames } = client.transport;
    const end = Math.min(frames.length, this.#readFrames + count);
    for (; this.#readFrames < end; this.#readFrames++) {
      const frame = frames[this.#readFrames];
      if (!frame) return;
      const text = payloadOf(frame).toString();
      if (frame[0] !== 0x89) this.#take(JSON.parse(text));
      else if (answersPings) this.#pong(text);
    }
  }

  /** What it has not read is lost. */
  cut(): void {
    if (!this.client) return;
    this.#expectRepeats();
    this.#node.hub.disconnect(this.client.connection, 1006);
    this.client = null;
  }

  drain(): void {
    const { client } = this;
    if (!client) return;
    this.#node.hub.suspend(client.connection, () => {
      // The close comes behind all that was sent.
      this.readAll();
      // Where it has left pings unanswered, it counts as cut.
      if (this.#mode === "all") this.#expectRepeats();
      else this.#settle();
      this.#node.hub.disconnect(client.connection, 4200);
    });
    this.client = null;
  }

  leave(): void {
    if (!this.client) return;
    this.#node.hub.disconnect(this.client.connection, 1001);
    this.client = null;
    this.owed.clear();
    this.unacknowledged.clear();
  }

  #expectRepeats(): void {
    for (const [channel, events] of this.unacknowledged) {
      for (const event of events) this.#mayRepeat.get(channel)?.add(event);
    }
  }

  #answerFirst(): void {
    const { frames } = this.client?.transport ?? { frames: [] };
    if (frames.some((frame) => frame[0] === 0x89)) this.read(frames.length, true);
    else if (this.client) this.#node.hub.recovery?.acknowledge(this.client.connection, "1");
  }

  #pong(payload: string): void {
    if (!this.client) return;
    this.#node.hub.recovery?.acknowledge(this.client.connection, payload);
    this.#settle();
  }

  /** What it has read over this connection will not come again. */
  #settle(): void {
    for (const [channel, events] of this.unacknowledged) {
      for (const event of events.splice(0)) this.#mayRepeat.get(channel)?.delete(event);
    }
  }

  #skip(channel: string): void {
    const { frames } = this.client?.transport ?? { frames: [] };
    while (this.#readFrames < frames.length) {
      const frame = frames[this.#readFrames++];
      if (!frame) return;
      const text = payloadOf(frame).toString();
      if (frame[0] === 0x89) continue;
      const { channel: of, event } = JSON.parse(text);
      assert.ok(of === channel || of === undefined || event.startsWith("pusher"), text);
    }
  }

  #take({ event, channel }: { event: string; channel: string }): void {
    if (event.startsWith("pusher")) return;
    assert.notEqual(event, "pogo:gap");
    const owed = this.owed.get(channel);
    assert.ok(owed, `${event} of ${channel}, in which the page is not`);
    if (owed[0] !== event) {
      const isRepeated = this.#mayRepeat.get(channel)?.has(event);
      assert.ok(isRepeated, `${event} of ${channel} in place of ${owed[0]}`);
    } else {
      owed.shift();
    }
    this.unacknowledged.get(channel)?.push(event);
  }
}

async function run(seed: number, mode: "orderly" | "all"): Promise<void> {
  const { below, pick } = createRandom(seed);
  const node = createRecoveringNode({ mode });
  const pages = Array.from({ length: pagesAtOnce }, (_, n) => new Page(node, mode, `page-${n}`));
  let published = 0;

  for (let step = 0; step < steps; step++) {
    const page = pick(pages);
    const channel = pick(channels);
    const choice = below(20);
    if (choice < 8) {
      const event = `event-${(published += 1)}`;
      const sender = below(3) === 0 ? page : null;
      for (const each of pages) {
        if (each !== sender || !each.client) each.owed.get(channel)?.push(event);
      }
      node.publish(channel, event, sender?.client?.socketId);
    } else if (choice < 11) {
      if (page.client) page.read(below(6), mode === "all" && below(4) > 0);
      else await page.connect();
    } else if (choice < 14) {
      await page.join(channel);
    } else if (choice === 14) {
      await page.part(channel);
    } else if (choice < 17) {
      if (mode === "all" && below(2) === 0) page.cut();
      else page.drain();
    } else if (choice === 17 && below(4) === 0) {
      page.leave();
    } else {
      node.pass(1_000);
    }
  }

  for (const page of pages) {
    if (!page.client) await page.connect();
    page.readAll();
    for (const [channel, owed] of page.owed) {
      assert.deepEqual(owed, [], `${page.token} is still owed events of ${channel}`);
    }
  }
}

describe("recovery over random schedules", () => {
  for (const mode of ["orderly", "all"] as const) {
    it(`Y05, Y17: ${mode}: nothing is lost, nothing comes in another order, nothing twice that was acknowledged`, async () => {
      for (let seed = 1; seed <= schedules; seed++) {
        await run(seed, mode).catch((error) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    });
  }
});
