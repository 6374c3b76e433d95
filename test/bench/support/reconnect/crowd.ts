/** Clients with pusher-js and five private channels each, numbered events on all of them, and what came of those. */

import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../../sidecar/testing/eventually.ts";
import { loadPusherJs, type PusherClass } from "../../../e2e/matrix/pusher-js-client.ts";
import { judge, startNumbered, type NumberedLoad } from "../../../kit/numbered.ts";
import { connectAsPages } from "../../../kit/page-sockets.ts";
import type { Credentials } from "../../../kit/sign.ts";
import { openSubscriber, type Authorize, type Subscriber } from "../../../kit/subscriber.ts";

export interface CrowdOptions {
  readonly port: number;
  readonly app: Credentials;
  readonly clients: number;
  /** Each client is in five of so many channels. */
  readonly channels: number;
  readonly authorize: Authorize;
  /** They say who they are in their path, as pages do with Echo's `wsPath`. */
  readonly hasToken: boolean;
  /** They are pages of this origin, each in a browser of its own; null: they are none. */
  readonly origin: string | null;
  /** Between two events of one channel. */
  readonly everyMs: number;
  readonly times: number;
  /** Before each time, and after the last. */
  readonly calmMs: number;
  /** What the clients have to come back from. */
  readonly fault: () => Promise<unknown>;
}

export interface CrowdResult {
  /** Deliveries that were due: events taken, times who was subscribed. */
  readonly due: number;
  readonly missed: number;
  readonly doubled: number;
  /** Came after a later one of its channel. */
  readonly late: number;
  /** Publishes that were not answered 200. */
  readonly refused: number;
  /** Of clients: how often one was away. */
  readonly absences: number;
  /** Clients that did not come back. */
  readonly lost: number;
  /** From the fault until all were subscribed again, in ms; the longest. */
  readonly backMs: number;
  /** Of one core, of this process. */
  readonly loadCpu: number;
}

const channelsEach = 5;
const patienceMs = 30_000;
/** For the last events, after the load. */
const restMs = 5_000;

/** @param onSubscribed once all are subscribed for the first time */
export async function measureCrowd(
  options: CrowdOptions,
  onSubscribed: () => void,
): Promise<CrowdResult> {
  const { port, app, everyMs, times, calmMs, fault, origin } = options;
  const Library = loadPusherJs("pusher-js");
  const asBefore = origin === null ? () => undefined : connectAsPages(Library, origin);
  const names = Array.from({ length: options.channels }, (_, index) => `private-orders.${index}`);
  const crowd = openCrowd(options, Library, names);
  /** Resolves once all are subscribed, and were away since they had been so often. */
  async function settled(absences: readonly number[]): Promise<void> {
    const isSo = (client: Subscriber, index: number): boolean =>
      client.isBack && client.absences > (absences[index] ?? -1);
    await until("all clients", () => crowd.every(isSo), patienceMs).catch(() => undefined);
  }
  await settled([]);
  onSubscribed();
  const load = startNumbered({ port, app, channels: names, everyMs });
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  let backMs = 0;
  for (let time = 0; time < times; time += 1) {
    await sleep(calmMs);
    const absences = crowd.map((client) => client.absences);
    const faultMs = performance.now();
    await fault();
    await settled(absences);
    backMs = Math.max(backMs, performance.now() - faultMs);
  }
  await sleep(calmMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  const loadCpu = (user + system) / 1_000 / (performance.now() - beganMs);
  await load.stop();
  const hasAll = (subscriber: Subscriber): boolean =>
    [...subscriber.seen].every(([channel, seen]) => {
      const last = load.taken.get(channel)?.at(-1);
      return last === undefined || seen.includes(last);
    });
  await until("the last events", () => crowd.every(hasAll), restMs).catch(() => null);
  const result = {
    ...verdictOf(crowd, load),
    refused: Object.values(load.failures).reduce((sum, count) => sum + count, 0),
    absences: crowd.reduce((sum, { absences }) => sum + absences, 0),
    lost: crowd.filter(({ isBack }) => !isBack).length,
    backMs,
    loadCpu,
  };
  for (const subscriber of crowd) subscriber.leave();
  asBefore();
  return result;
}

function openCrowd(
  options: CrowdOptions,
  Library: PusherClass,
  names: readonly string[],
): readonly Subscriber[] {
  const { port, app, clients, authorize, hasToken } = options;
  return Array.from({ length: clients }, (_, index) =>
    openSubscriber({
      Library,
      port,
      key: app.key,
      hasToken,
      authorize,
      channels: Array.from(
        { length: channelsEach },
        (_, nth) => names[(index * channelsEach + nth) % names.length] ?? "",
      ),
    }),
  );
}

function verdictOf(
  crowd: readonly Subscriber[],
  load: NumberedLoad,
): Pick<CrowdResult, "due" | "missed" | "doubled" | "late"> {
  const sum = { due: 0, missed: 0, doubled: 0, late: 0 };
  for (const { seen } of crowd) {
    for (const [channel, numbers] of seen) {
      const taken = load.taken.get(channel) ?? [];
      const { missed, doubled, late } = judge(taken, numbers);
      sum.due += taken.length;
      sum.missed += missed.length;
      sum.doubled += doubled.length;
      sum.late += late.length;
    }
  }
  return sum;
}
