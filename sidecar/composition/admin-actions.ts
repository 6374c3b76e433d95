/** The actions of the admin port: drain, hold, release. */

import { duration } from "../config/parsers/units.ts";
import { showDuration } from "../core/duration.ts";
import type { Actions, ActionAnswer } from "../observability/admin.ts";
import type { UpstreamProxy } from "../proxy/proxy.ts";

/** Longer than any restart, shorter than it takes for a forgotten one to be an outage; browsers wait that long. */
const longestMs = 120_000;
const usualMs = 30_000;

const length = duration({ maxMs: longestMs });

export const draining =
  "draining: the process ends once what is open has ended, at the latest after POGO_SHUTDOWN_TIMEOUT";

export function createAdminActions({
  drain,
  proxy,
}: {
  readonly drain: () => void;
  /** Null: there is no app behind. */
  readonly proxy: UpstreamProxy | null;
}): Actions {
  const withProxy =
    (act: (proxy: UpstreamProxy, query: URLSearchParams) => ActionAnswer) =>
    (query: URLSearchParams): ActionAnswer =>
      proxy
        ? act(proxy, query)
        : { status: 409, text: "there is no app behind: POGO_UPSTREAM is none" };
  return {
    "/hold": withProxy((to, query) => pause(to, query.get("for"))),
    "/release": withProxy((to) => {
      const { isPaused, waiting } = to.waitingRoom;
      to.waitingRoom.resume();
      const text = isPaused ? goOn(waiting, "waited, and") : "nothing was held";
      return { status: 200, text };
    }),
    "/drain": () => {
      drain();
      return { status: 202, text: draining };
    },
  };
}

function pause(proxy: UpstreamProxy, text: string | null): ActionAnswer {
  const parsed = text === null ? { ok: true as const, value: usualMs } : length.parse(text.trim());
  if (!parsed.ok) {
    const allowed = `up to ${showDuration(longestMs)}, with its unit: 30s, 1500ms, 2m`;
    return { status: 400, text: `for=${text}: a hold takes a time ${allowed}` };
  }
  const newRequests = proxy.waitingRoom.pause(parsed.value);
  const time = showDuration(parsed.value);
  const what = {
    wait: `new requests wait for ${time}`,
    refused: `new requests are answered 503, for the node is draining and stops before ${time} are over`,
  }[newRequests];
  return { status: 200, text: `${what}; ${goOn(proxy.openRequests, "under way")}` };
}

function goOn(requests: number, how: string): string {
  return requests === 1 ? `1 request ${how} goes on` : `${requests} requests ${how} go on`;
}
