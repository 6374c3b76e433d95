import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Heartbeat, type Monitored } from "./heartbeat.ts";

/** Ticks every second from 0, and notes what happens to one silent connection at which second. */
function watch(options: {
  receivesAtSeconds?: number[];
  ticksAtSeconds?: number[];
  untilSeconds: number;
}) {
  const heartbeat = new Heartbeat(0);
  const happened: string[] = [];
  let second = 0;
  const monitored: Monitored = {
    heartbeat: { pingPeriodMs: 54_000, pongWaitMs: 60_000 },
    lastReceivedMs: 0,
    slot: 0,
    ping: () => void happened.push(`${second} ping`),
    expire: () => void happened.push(`${second} expire`),
  };
  heartbeat.watch(monitored);
  for (second = 0; second <= options.untilSeconds; second++) {
    if (options.receivesAtSeconds?.includes(second)) monitored.lastReceivedMs = second * 1000;
    if (options.ticksAtSeconds && !options.ticksAtSeconds.includes(second)) continue;
    heartbeat.tick(second * 1000);
  }
  return { happened, heartbeat, monitored };
}

describe("heartbeat", () => {
  it("H01, H02, H05: pings who is silent, and gives up who does not answer", () => {
    assert.deepEqual(watch({ untilSeconds: 300 }).happened, ["54 ping", "60 expire"]);
  });

  it("H04: anything received starts the count anew", () => {
    const { happened } = watch({ receivesAtSeconds: [53, 100], untilSeconds: 153 });
    assert.deepEqual(happened, []);
  });

  it("an answered ping is followed by the next one a period later", () => {
    const { happened } = watch({ receivesAtSeconds: [55, 110], untilSeconds: 170 });
    assert.deepEqual(happened, ["54 ping", "109 ping", "164 ping", "170 expire"]);
  });

  it("an answer at the last moment counts", () => {
    const { happened } = watch({ receivesAtSeconds: [60], untilSeconds: 113 });
    assert.deepEqual(happened, ["54 ping"]);
  });

  it("a node that slept asks before it takes anybody for dead", () => {
    const { happened } = watch({ ticksAtSeconds: [1, 500, 501, 506], untilSeconds: 506 });
    assert.deepEqual(happened, ["500 ping", "506 expire"]);
  });

  it("a forgotten connection is neither pinged nor closed", () => {
    const { heartbeat, monitored, happened } = watch({ untilSeconds: 55 });
    heartbeat.forget(monitored);
    heartbeat.forget(monitored);
    heartbeat.tick(1_000_000);
    assert.deepEqual(happened, ["54 ping"]);
  });
});
