/**
 * Random schedules of pages that ask for their channels: each answer that is given in the app's place is held against a
 * model of what the app has granted to whom, and of all that ends it.
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { createRandom } from "../../testing/random.ts";
import { createRecoveringNode, type RecoveringNode } from "../testing/recovering.ts";
import type { Credentials } from "./credentials.ts";

const schedules = 300;
const steps = 120;
const windowMs = 5_000;
const tokens = ["page-1", "page-2"] as const;
const browsers = ["firefox", "chrome"] as const;
const channels = ["private-a", "private-b", "presence-room", "private-encrypted-c"] as const;
const shows: readonly Credentials[] = [
  { cookies: ["session"], proofs: "csrf-1" },
  { cookies: ["remember", "session"], proofs: "csrf-1" },
  { cookies: ["session"], proofs: "csrf-2" },
];

/** What may be granted to a page without its app. */
interface Granted {
  readonly browser: string;
  shown: Credentials | null;
  readonly channels: Set<string>;
  untilMs: number;
}

class Tab {
  readonly client: ReturnType<RecoveringNode["connect"]>;
  readonly user: string;
  readonly granted: Granted;
  readonly asked = new Set<string>();
  /** What it may be granted again; undefined: it has not asked for anything so far. */
  before: Granted | null | undefined;

  constructor(node: RecoveringNode, user: string, where: { token: string; browser: string }) {
    this.client = node.connect(where);
    this.user = user;
    this.granted = {
      browser: where.browser,
      shown: null,
      channels: new Set(),
      untilMs: Number.POSITIVE_INFINITY,
    };
  }
}

function covers(now: Credentials, before: Credentials | null): boolean {
  return (
    before !== null &&
    now.proofs === before.proofs &&
    before.cookies.every((name) => now.cookies.includes(name))
  );
}

async function run(seed: number): Promise<number> {
  const { pick, below, chance } = createRandom(seed);
  const node = createRecoveringNode({ mode: "all", windowMs });
  const open = new Map<string, Tab>();
  const left = new Map<string, Granted>();
  let answers = 0;

  function enter(token: string): void {
    const browser = chance(0.85) ? browsers[0] : browsers[1];
    open.set(token, new Tab(node, pick(["ada", "bea"]), { token, browser }));
  }

  /** With the first that it asks for it has what was left, if that is its own. */
  function take(token: string, tab: Tab): void {
    if (tab.before !== undefined) return;
    const found = left.get(token);
    left.delete(token);
    const { granted } = tab;
    const isOwn = found?.browser === granted.browser && found.untilMs > node.clock.nowMs;
    tab.before = isOwn ? { ...found, untilMs: node.clock.nowMs + windowMs } : null;
    granted.shown = tab.before?.shown ?? null;
    for (const channel of tab.before?.channels ?? []) granted.channels.add(channel);
  }

  function ask(tab: Tab, channel: string): void {
    const { client, granted, before } = tab;
    const usual = chance(0.8) ? shows.slice(0, 1) : shows;
    const shown = chance(0.05) ? null : pick(usual);
    const mayBe =
      before &&
      before.untilMs > node.clock.nowMs &&
      before.channels.has(channel) &&
      granted.channels.has(channel) &&
      !channel.includes("encrypted") &&
      !tab.asked.has(channel) &&
      shown !== null &&
      covers(shown, granted.shown);
    node.hub.recovery?.regrant(client.connection, channel, shown, ({ kind }) => {
      const what = `${channel} for ${tab.user} in ${granted.browser}, ${kind}`;
      if (kind === "answered") {
        assert.ok(mayBe, what);
        answers += 1;
      } else if (shown && chance(0.85)) {
        if (!covers(shown, granted.shown)) granted.channels.clear();
        granted.shown = shown;
        granted.channels.add(channel);
        client.connection.recovery?.grants?.add(channel, shown);
      } else {
        granted.channels.delete(channel);
        node.hub.recovery?.revoke(client.connection, channel);
      }
      tab.asked.add(channel);
    });
  }

  function end(token: string, tab: Tab, code: number): void {
    open.delete(token);
    const { connection } = tab.client;
    if (code === 4200) {
      // A node that stops asks for what was left, if nobody has.
      take(token, tab);
      node.hub.suspend(connection, () => undefined);
    }
    node.hub.disconnect(connection, code);
    const isKept = code === 4200 || code === 1006;
    if (isKept && tab.before === undefined) return;
    if (isKept) left.set(token, { ...tab.granted, untilMs: node.clock.nowMs + windowMs });
    else left.delete(token);
  }

  function terminate(user: string): void {
    node.hub.terminateUser(user);
    for (const [token, tab] of open) {
      if (tab.client.transport.closed) end(token, tab, 4009);
    }
    const kept = new Set(node.kept().sessions.map(([token]) => token));
    for (const token of left.keys()) if (!kept.has(token)) left.delete(token);
  }

  for (let step = 0; step < steps; step += 1) {
    const token = pick(tokens);
    const tab = open.get(token);
    const channel = pick(channels);
    const choice = below(20);
    if (!tab) {
      enter(token);
    } else if (choice < 8) {
      take(token, tab);
      ask(tab, channel);
    } else if (choice < 15) {
      take(token, tab);
      const member = channel.startsWith("presence-") ? `{"user_id":"${tab.user}"}` : undefined;
      await tab.client.subscribe(channel, member);
    } else if (choice < 17) end(token, tab, pick([4200, 4200, 1006, 1006, 1006, 1000, 1001]));
    else if (choice === 17 && chance(0.3)) terminate(pick(["ada", "bea"]));
    else if (choice === 18) node.pass(1_000 + below(3_000));
    else await tab.client.say({ event: "pusher:unsubscribe", data: { channel } });
  }
  return answers;
}

it("Y22, Y23: over random schedules nobody is granted what the app did not grant it, or what has ended since", async () => {
  let answers = 0;
  for (let seed = 1; seed <= schedules; seed += 1) {
    answers += await run(seed).catch((error) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
  assert.ok(answers > schedules / 2, `only ${answers} were answered`);
});
