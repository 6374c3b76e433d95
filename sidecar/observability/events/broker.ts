/** Events of Redis and the other nodes. */

import type { BrokerDropReason, BrokerEvents } from "../../core/report/broker.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

/** The reason beside it is Redis' or the system's. */
const lookAtRedis =
  "is Redis running there, and are its address (POGO_REDIS_HOST or REDIS_HOST), its password and the network right? `pogo-sidecar doctor` tries it";

export function brokerRows({ broker }: Metrics): Rows<keyof BrokerEvents> {
  return {
    redis_connected: {
      log: { level: "info", message: "redis is connected: events and presence reach all nodes" },
    },
    redis_lost: {
      log: {
        level: "warn",
        message: "redis is lost: publishing fails until it is back",
        fields: ({ reason }) => ({ reason }),
        hint: lookAtRedis,
      },
    },
    redis_broadcasts_connected: {
      log: { level: "info", message: "listening to redis for what Laravel broadcasts" },
    },
    redis_broadcasts_lost: {
      log: {
        level: "warn",
        message:
          "redis is lost: what Laravel broadcasts meanwhile does not reach the clients of this node",
        fields: ({ reason }) => ({ reason }),
        hint: lookAtRedis,
      },
    },
    broker_message_ignored: {
      count: ({ reason }) => broker.ignoredMessagesTotal.inc({ reason }),
      log: {
        level: "warn",
        message: "ignored a message in redis that is no envelope of this version",
        fields: ({ reason }) => ({ reason }),
        hint: "give each environment its own POGO_REDIS_PREFIX, and finish rollouts",
        throttle: ({ reason }) => reason,
      },
    },
    broker_relay_dropped: {
      count: ({ appId, reason }) => broker.droppedMessagesTotal.inc({ app_id: appId, reason }),
      log: {
        level: "warn",
        message: "a client event did not reach the other nodes",
        fields: ({ appId, reason }) => ({ app_id: appId, reason }),
        hint: ({ reason }) => dropHints[reason],
        throttle: ({ appId, reason }) => `${appId} ${reason}`,
      },
    },
    broker_replayed: {
      count: ({ appId, messages }) => broker.replayedMessagesTotal.inc({ app_id: appId }, messages),
      log: {
        level: "info",
        message: "read from redis what was published while this node was cut off",
        fields: ({ appId, messages }) => ({ app_id: appId, messages }),
      },
    },
    broker_gap: {
      count: ({ appId }) => broker.gapsTotal.inc({ app_id: appId }),
      log: {
        level: "warn",
        message:
          "this node was cut off from redis for longer than its log reaches: events may be missing",
        fields: ({ appId }) => ({ app_id: appId }),
        hint: "was redis emptied, restarted without its data, or away for long?",
      },
    },
    node_taken_over: {
      count: ({ appId }) => broker.nodeTakeoversTotal.inc({ app_id: appId }),
      log: {
        level: "warn",
        message: "a node is gone: its members are removed",
        fields: ({ appId, nodeId }) => ({ app_id: appId, node: nodeId }),
        hint: "was it killed, out of memory, or without a network?",
      },
    },
  };
}

const dropHints: Readonly<Record<BrokerDropReason, string>> = {
  queue_full: "redis is too slow: look at it before raising POGO_BROKER_QUEUE_SIZE",
  failed: "redis is lost, or did not answer within POGO_REDIS_TIMEOUT",
};
