/** What must be true of a cluster, whatever happened to it: who is connected where and subscribed to what, what was published and taken. */

import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import type { ClusterNode } from "./node.ts";
import { until } from "../../../sidecar/testing/eventually.ts";

/** One client that is connected now. */
export interface Visitor {
  readonly slot: number;
  readonly client: Client;
  /** In presence channels. */
  readonly userId: string;
  /** Stays for as long as its node does. */
  readonly isAnchor?: true;
  /** Channel → the moment from which on it was subscribed. */
  readonly channels: Map<string, number>;
}

export interface Publication {
  readonly channel: string;
  readonly id: string;
  readonly sinceMoment: number;
  /** When it was answered 200. Null: it was not, so that it may be there or not. A refusal may be a lost answer as well. */
  takenMoment: number | null;
}

/** What was answered before another was published came before it. */
export function assertInOrder(came: readonly Publication[], what: string): void {
  let latest = 0;
  for (const { id, sinceMoment, takenMoment } of came) {
    const ids = came.map((one) => one.id).join();
    assert.ok(takenMoment === null || takenMoment > latest, `${what}: ${id} is late in ${ids}`);
    latest = Math.max(latest, sinceMoment);
  }
}

export class Model {
  readonly visitors = new Set<Visitor>();
  readonly publications: Publication[] = [];
  /** Slot → the last moment at which its node was killed, cut off, put to sleep. */
  readonly #disturbed = new Map<number, number>();
  #moment = 0;

  /** A number that only grows: what has a smaller one was before. */
  moment(): number {
    return (this.#moment += 1);
  }

  /** Whoever is at this slot may be taken for gone for a while. */
  disturb(slot: number): void {
    this.#disturbed.set(slot, this.moment());
  }

  at(slot: number): Visitor[] {
    return [...this.visitors].filter((visitor) => visitor.slot === slot);
  }

  publishing(channel: string): Publication {
    const sinceMoment = this.moment();
    const publication: Publication = {
      channel,
      id: String(this.publications.length),
      sinceMoment,
      takenMoment: null,
    };
    this.publications.push(publication);
    return publication;
  }

  subscribers(channel: string): Visitor[] {
    return [...this.visitors].filter(({ channels }) => channels.has(channel));
  }

  members(channel: string): string[] {
    return [...new Set(this.subscribers(channel).map(({ userId }) => userId))].toSorted();
  }

  /** What was taken came to who was subscribed all the time, in order and once; lists have no gaps and no ghosts. */
  checkClients(): void {
    for (const { client, channels } of this.visitors) {
      assert.ok(client.isOpen, `${client.socketId} was closed`);
      for (const [channel, sinceMoment] of channels) {
        const got = client.ids(channel);
        const who = `${client.socketId} on ${channel}`;
        assert.equal(new Set(got).size, got.length, `${who}: something came twice`);
        assertInOrder(
          got.flatMap((id) => this.publications[Number(id)] ?? []),
          who,
        );
        const missing = this.publications
          .filter((one) => one.channel === channel && one.takenMoment !== null)
          .filter((one) => one.sinceMoment > sinceMoment && !got.includes(one.id))
          .map(({ id }) => id);
        assert.deepEqual(missing, [], `${who}: taken, but did not come`);
        if (!isPresence(channel)) continue;
        assert.deepEqual(client.members(channel), this.members(channel));
        for (const userId of this.#steadfast(channel, sinceMoment)) {
          const seen = client.changesOfStay(channel).filter((change) => change.slice(1) === userId);
          // A node that can't reach Redis announces who came to it later on; who stays never leaves.
          const isRight = seen.length === 0 || (seen.length === 1 && seen[0] === `+${userId}`);
          assert.ok(isRight, `${who}: ${userId} was there all the time, and ${seen.join()} came`);
        }
      }
    }
  }

  /** Users with a connection that was there before that moment, and whose node nothing has happened to since. */
  #steadfast(channel: string, sinceMoment: number): string[] {
    const connections = this.subscribers(channel).filter(({ slot, channels }) => {
      const cameAt = channels.get(channel) ?? Number.POSITIVE_INFINITY;
      return cameAt < sinceMoment && (this.#disturbed.get(slot) ?? 0) < cameAt;
    });
    return connections.map(({ userId }) => userId);
  }

  /** Resolves once the lists that clients have are right. @throws too if one of them never could have been */
  async untilListsAreRight(): Promise<void> {
    for (const { client, channels } of this.visitors) {
      for (const channel of [...channels.keys()].filter(isPresence)) {
        const wanted = this.members(channel).join();
        const isRight = () => client.members(channel).join() === wanted;
        await client.until(`${wanted} in ${channel} for ${client.socketId}`, isRight, 12_000);
      }
    }
  }

  /** Every node says the same of every channel, and it is right. */
  async checkApi(nodes: readonly ClusterNode[], channels: readonly string[]): Promise<void> {
    const occupied = channels.filter((channel) => this.subscribers(channel).length > 0);
    const expected = {
      channels: Object.fromEntries(occupied.map((channel) => [channel, this.#summary(channel)])),
      connections: [...this.visitors].filter((visitor) => visitor.channels.size > 0).length,
      members: Object.fromEntries(
        occupied.filter(isPresence).map((channel) => [channel, this.members(channel)]),
      ),
    };
    for (const { api } of nodes) {
      let actual: unknown;
      const ask = async () => {
        const { json } = await api.get("channels", { info: "user_count" });
        const listed = json as { channels: Record<string, object> };
        const details = await Promise.all(
          Object.keys(listed.channels).map(async (channel) => {
            const info = "subscription_count,user_count";
            return [channel, (await api.get(`channels/${channel}`, { info })).json] as const;
          }),
        );
        const members = occupied
          .filter(isPresence)
          .map(async (channel) => [channel, await api.users(channel)] as const);
        actual = {
          channels: Object.fromEntries(details),
          connections: await api.connections(),
          members: Object.fromEntries(await Promise.all(members)),
        };
        assert.deepEqual(actual, expected);
        return true;
      };
      // What is on its way still counts a moment later.
      await until("the API to be right", ask, 5_000).catch(() =>
        assert.deepEqual(actual, expected),
      );
    }
  }

  #summary(channel: string): object {
    const count = isPresence(channel)
      ? { user_count: this.members(channel).length }
      : { subscription_count: this.subscribers(channel).length };
    return { occupied: true, ...count };
  }
}

export function isPresence(channel: string): boolean {
  return channel.startsWith("presence-");
}
