/** Answers the HTTP API's questions about channels, members and connections from Redis. */

import { userOfChannel } from "../../core/channel-name.ts";
import type { Answer, PresenceStore } from "../../core/presence-store.ts";
import type { Availability } from "./availability.ts";
import type { Registrations } from "./registrations.ts";
import {
  countConnections,
  findChannels,
  listNodes,
  snapshot,
  type NodeSummary,
} from "./scripts/queries.ts";
import type { RunScript, Script } from "./scripts/script.ts";

export interface Queries extends Pick<
  PresenceStore,
  "findChannels" | "findMembers" | "countConnections"
> {
  listNodes(): Promise<Answer<readonly NodeSummary[]>>;
}

export function createQueries(options: {
  readonly run: RunScript;
  readonly registrations: Registrations;
  readonly availability: Availability;
}): Queries {
  const { run, registrations, availability } = options;

  async function ask<A extends readonly unknown[], R>(
    script: Script<A, R>,
    ...args: A
  ): Promise<Answer<R>> {
    if (!availability.signal) return { ok: false };
    try {
      // What this node has not registered yet counts too.
      await registrations.flush();
      return { ok: true, value: await run(script, ...args) };
    } catch {
      return { ok: false };
    }
  }

  return {
    async findChannels(wanted) {
      const answer = await ask(findChannels, wanted);
      if (!answer.ok) return answer;
      return { ok: true, value: answer.value.filter(({ name }) => userOfChannel(name) === null) };
    },
    async findMembers(name) {
      const answer = await ask(snapshot, name);
      return answer.ok ? { ok: true, value: answer.value.members } : answer;
    },
    countConnections: () => ask(countConnections),
    listNodes: () => ask(listNodes),
  };
}
