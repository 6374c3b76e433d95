/**
 * Histograms of every publish, frame and write, which exist only with POGO_HOT_PATH_METRICS. Names are the original's.
 */

import type { Define } from "../metric.ts";
import { frameKinds } from "./labels.ts";

const publishPhases = {
  validate: "from the request's body until all of it is found to be right",
  broker: "until the broker has taken it: with Redis, its answer",
  total: "both",
};

export function hotPathMetrics({ histogram }: Define) {
  return {
    publishDurationSeconds: histogram({
      name: "pogo_websocket_publish_duration_seconds",
      help: "Time to publish the events of one API request, by phase.",
      unit: "seconds",
      moves: "With each request to events or batch_events that is accepted.",
      action: "A long broker phase is Redis, or the way to it.",
      labels: { phase: publishPhases },
      buckets: doubling(0.00001, 18),
    }),
    fanoutSubscribers: histogram({
      name: "pogo_websocket_fanout_subscribers",
      help: "Connections of this node that an event went to.",
      unit: "connections",
      moves: "With each event that is broadcast here.",
      action: "Nothing; it says what an event costs on this node.",
      buckets: [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
    }),
    clientQueueDepth: histogram({
      name: "pogo_websocket_client_queue_depth",
      help: "Frames that waited for a connection when one more was queued.",
      unit: "frames",
      moves: "With each frame to a connection; a frame waits until the kernel has taken its bytes.",
      action: "Many above 64: clients read too slowly, or events are too many or too large.",
      buckets: [0, 1, 2, 4, 8, 16, 32, 64, 128, 192, 256],
    }),
    clientQueueResidenceSeconds: histogram({
      name: "pogo_websocket_client_queue_residence_seconds",
      help: "Time from queueing a frame to the write that it leaves with.",
      unit: "seconds",
      moves: "With each write, by the time of its oldest frame.",
      action: "It is the event loop's: compare nodejs_eventloop_lag_seconds.",
      buckets: doubling(0.0001, 16),
    }),
    writeDurationSeconds: histogram({
      name: "pogo_websocket_write_duration_seconds",
      help: "Time until the kernel had taken a write, by the kind of its last frame.",
      unit: "seconds",
      moves: "With each write to a connection that succeeds.",
      action: "Long ones are clients whose network takes no more; POGO_WRITE_WAIT closes them.",
      labels: { kind: frameKinds },
      buckets: doubling(0.0001, 16),
    }),
  };
}

function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first * 2 ** index);
}
