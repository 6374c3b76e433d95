import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { MemoryLog } from "../core/recovery/memory-log.ts";
import { MemorySessions } from "../core/recovery/memory-sessions.ts";
import type { Session } from "../core/recovery/session.ts";
import { createTestNode, testApp } from "../core/testing/doubles.ts";
import { restoreState, saveState, type KeptApp } from "./recovery-state.ts";

const report = () => undefined;

function createApp(): KeptApp {
  const bounds = { maxEvents: 2, maxBytes: 10_000, totalEvents: 100, totalBytes: 100_000 };
  const log = new MemoryLog({ ...bounds, maxAgeMs: 120_000 });
  const sessions = new MemorySessions({
    windowMs: 60_000,
    maxSessions: 10,
    maxSeats: 10,
    compare: (a, b) => log.compare(a, b),
    onEnded: report,
  });
  return { hub: createTestNode().hub, log, sessions };
}

it("Y15: what a channel had lost before the node stopped is a gap after it, though a quiet one's older event is kept", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "pogo-state-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const before = createApp();
  const publish = (channel: string): void => {
    before.log.begin({ appId: testApp.id, channel, event: "e", dataJson: "1" });
    before.log.end();
  };
  publish("quiet");
  const position = before.log.positionAt(before.log.delivered);
  const seat = {
    position,
    earliest: position,
    member: null,
    socketIds: ["1.1"],
    gap: null,
    isGranted: false,
  };
  const seats = new Map(["busy", "quiet"].map((channel) => [channel, seat]));
  before.sessions.put("page", { users: new Set(), seats, connections: 1, grant: null }, report);
  for (let event = 0; event < 5; event++) publish("busy");
  saveState(directory, [before], { nowMs: 0, atMs: 0, report });

  const after = createApp();
  restoreState(directory, [after], { atMs: 0, report });
  const found: (Session | null)[] = [];
  after.sessions.take("page", (session) => found.push(session));
  const gaps = [...(found[0]?.seats ?? [])].map(([channel, { gap }]) => [channel, gap]);
  assert.deepEqual(gaps, [
    ["busy", "bounds"],
    ["quiet", null],
  ]);
});
