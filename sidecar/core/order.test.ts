/** What each client is sent, in which order, over random schedules of clients and of a presence store that takes its time. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createMemoryPresence } from "../broker/memory-presence.ts";
import type { PresenceListener, PresenceStore } from "./presence-store.ts";
import { createTestNode, idle } from "./testing/doubles.ts";

const channels = ["presence-a", "presence-cache-b", "cache-c", "news"] as const;
const clientCount = 4;

type Step =
  | {
      readonly do: "subscribe";
      readonly client: number;
      readonly channel: number;
      readonly as: number;
    }
  | { readonly do: "unsubscribe"; readonly client: number; readonly channel: number }
  | { readonly do: "reconnect"; readonly client: number }
  | { readonly do: "publish"; readonly channel: number }
  | { readonly do: "whisper"; readonly client: number; readonly channel: number }
  | { readonly do: "answer"; readonly which: number }
  | { readonly do: "answer all" }
  | { readonly do: "turn" }
  | { readonly do: "tick" };

function weighted<T>(weight: number, fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return { weight, arbitrary: fc.record(fields) };
}

const client = fc.nat(clientCount - 1);
const channel = fc.constantFrom(0, 0, 0, 1, 1, 2, 3);
const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(6, { do: fc.constant("subscribe"), client, channel, as: fc.constantFrom(0, 0, 0, 1) }),
  weighted(5, { do: fc.constant("unsubscribe"), client, channel }),
  weighted(1, { do: fc.constant("reconnect"), client }),
  weighted(2, { do: fc.constant("publish"), channel }),
  weighted(1, { do: fc.constant("whisper"), client, channel }),
  weighted(3, { do: fc.constant("answer"), which: fc.nat(20) }),
  weighted(4, { do: fc.constant("answer all") }),
  weighted(4, { do: fc.constant("turn") }),
  weighted(2, { do: fc.constant("tick") }),
);

/** A presence store like Redis': it acts at once, and says so when the test lets it. */
function createSlowPresence() {
  const waiting: (() => void)[] = [];
  const presence = (listener: PresenceListener): PresenceStore => {
    const memory = createMemoryPresence(listener);
    return {
      ...memory,
      enter: (name, entered) => memory.enter(name, () => void waiting.push(entered)),
      join: (name, member, joined) => memory.join(name, member, () => void waiting.push(joined)),
    };
  };
  return { presence, waiting };
}

/** What a client may believe of one channel. */
class Belief {
  /** Has subscribed, and not unsubscribed since. */
  isWanted = false;
  /** Was answered since it last came in. */
  isIn = false;
  /** A subscribe was not answered yet. */
  isOwed = false;
  as = "";
  /** Everybody whom it subscribed as since; whom the answers are for is not known with several. */
  readonly asked = new Set<string>();
  members = new Set<string>();

  leave(): void {
    this.isWanted = false;
    this.isIn = false;
    this.isOwed = false;
    this.asked.clear();
  }
}

class Client {
  readonly #connection: ReturnType<ReturnType<typeof createTestNode>["connect"]>;
  readonly beliefs = new Map(channels.map((name) => [name as string, new Belief()]));
  readonly events: [channel: string, data: unknown][] = [];
  /** What was wrong, for what is thrown while something is sent is lost. */
  readonly faults: Error[] = [];
  readonly #index: number;

  constructor(node: ReturnType<typeof createTestNode>, index: number) {
    this.#connection = node.connect();
    this.#index = index;
    const { transport } = this.#connection;
    const send = transport.send.bind(transport);
    transport.send = (frame) => {
      send(frame);
      for (const message of transport.take()) this.#check(message);
    };
  }

  belief(name: string): Belief {
    const belief = this.beliefs.get(name);
    assert.ok(belief, name);
    return belief;
  }

  subscribe(name: string, as: number): void {
    const belief = this.belief(name);
    // Two clients are one user each way.
    const user = `${(this.#index % 3) + 3 * as}`;
    belief.isWanted = true;
    belief.isOwed = true;
    belief.as = user;
    belief.asked.add(user);
    this.#connection.write(this.#connection.signed(name, JSON.stringify({ user_id: user })));
  }

  unsubscribe(name: string): void {
    this.#connection.write({ event: "pusher:unsubscribe", data: { channel: name } });
    this.belief(name).leave();
  }

  whisper(name: string): void {
    this.#connection.write({ event: "client-x", channel: name, data: null });
  }

  disconnect(): void {
    this.#connection.disconnect();
    for (const belief of this.beliefs.values()) belief.leave();
  }

  #check(message: Record<string, unknown>): void {
    try {
      this.#read(message);
    } catch (error) {
      this.faults.push(error as Error);
    }
  }

  #read({ event, channel, data }: Record<string, unknown>): void {
    if (event === "pusher:error") return; // a whisper to a channel that it is not in
    const belief = this.belief(String(channel));
    assert.ok(belief.isWanted, `${String(event)} on ${String(channel)} after it was left`);
    if (event === "pusher_internal:subscription_succeeded") {
      this.#succeeded(belief, JSON.parse(String(data)));
      return;
    }
    assert.ok(belief.isIn, `P12: ${String(event)} on ${String(channel)} before it was answered`);
    if (event === "pusher_internal:member_added") {
      const id = JSON.parse(String(data)).user_id;
      assert.ok(!belief.members.has(id), "P04: added again");
      belief.members.add(id);
    } else if (event === "pusher_internal:member_removed") {
      const id = JSON.parse(String(data)).user_id;
      assert.ok(belief.members.delete(id), "P05: removed who was not there");
    } else if (event === "published") {
      this.events.push([String(channel), data]);
    }
  }

  #succeeded(belief: Belief, data: { presence?: { ids: string[] } }): void {
    const listed = new Set(data.presence?.ids);
    const isListed = !data.presence || [...belief.asked].some((user) => listed.has(user));
    assert.ok(isListed, "P01: the subscriber is listed");
    if (belief.isIn && belief.asked.size === 1) assert.deepEqual(listed, belief.members);
    belief.members = listed;
    belief.isIn = true;
    belief.isOwed = false;
  }
}

async function run(steps: readonly Step[]): Promise<void> {
  const { presence, waiting } = createSlowPresence();
  const later: (() => void)[] = [];
  const node = createTestNode({ presence, schedule: (run) => void later.push(run) });
  const clients = Array.from({ length: clientCount }, (_, index) => new Client(node, index));
  let published = 0;
  const name = (index: number): string => channels[index] ?? "news";
  const of = (index: number): Client => clients[index] ?? new Client(node, index);

  for (const at of steps) {
    if (at.do === "subscribe") of(at.client).subscribe(name(at.channel), at.as);
    else if (at.do === "unsubscribe") of(at.client).unsubscribe(name(at.channel));
    else if (at.do === "whisper") of(at.client).whisper(name(at.channel));
    else if (at.do === "reconnect") {
      of(at.client).disconnect();
      clients[at.client] = new Client(node, at.client);
    } else if (at.do === "publish") {
      published += 1;
      publish(node, clients, name(at.channel), published);
    } else if (at.do === "answer") waiting.splice(at.which % (waiting.length || 1), 1)[0]?.();
    else if (at.do === "answer all") {
      for (const answer of waiting.splice(0)) answer();
    } else if (at.do === "turn") {
      await idle();
      later.shift()?.();
    } else node.hub.tick(0);
    check(clients);
  }
  // Whatever was put off comes in the end.
  for (let i = 0; i < 40; i++) {
    for (const answer of waiting.splice(0)) answer();
    await idle();
    if (i % 4 === 0) node.hub.tick(0);
    for (const run of later.splice(0)) run();
    check(clients);
  }
  for (const channel of channels) {
    const there = clients.filter((client) => client.belief(channel).isWanted);
    const users = new Set(there.map((client) => client.belief(channel).as));
    for (const client of there) {
      const { isIn, isOwed, members } = client.belief(channel);
      assert.ok(isIn && !isOwed, `S03: every subscribe of ${channel} is answered`);
      if (channel.startsWith("presence-")) assert.deepEqual(members, users, channel);
    }
    assert.equal(node.hub.channel(channel)?.connections.size ?? 0, there.length, channel);
  }
}

function check(clients: readonly Client[]): void {
  const [fault] = clients.flatMap(({ faults }) => faults);
  if (fault) throw fault;
}

/** Reaches at once everybody who was answered, and nobody else. */
function publish(
  node: ReturnType<typeof createTestNode>,
  clients: readonly Client[],
  channel: string,
  number: number,
): void {
  const dataJson = JSON.stringify(number);
  const before = clients.map(({ events }) => events.length);
  void node.broker.publish([{ appId: node.app.id, channel, event: "published", dataJson }]);
  for (const [index, client] of clients.entries()) {
    const { isIn, asked } = client.belief(channel);
    if (channel.startsWith("presence-") && asked.size > 1) continue;
    const expected = isIn ? [[channel, number]] : [];
    assert.deepEqual(client.events.slice(before[index]), expected);
  }
}

describe("what a client is sent, whatever happens meanwhile", () => {
  it("S03, P01, P03, P04, P05, P06, P12: answers first, events once, lists that come to the truth", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 120, size: "max" }), run), {
      numRuns: 300,
    });
  });
});
