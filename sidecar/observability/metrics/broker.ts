/** Metrics of what goes between this node, Redis and the other nodes. */

import type { BrokerDropReason, EnvelopeFault } from "../../core/report/broker.ts";
import type { Define } from "../metric.ts";
import { app } from "./labels.ts";

const envelopeFaults = {
  not_json: "not JSON: another program uses this prefix",
  newer_version: "a node of a later version: finish the rollout",
  unknown_type: "a type of message that this version does not know",
  bad_fields: "fields are missing or have the wrong type",
} satisfies Record<EnvelopeFault, string>;

const dropReasons = {
  queue_full: "POGO_BROKER_QUEUE_SIZE messages were on their way to Redis",
  failed: "Redis is lost, or did not answer in time",
} satisfies Record<BrokerDropReason, string>;

export function brokerMetrics({ counter, reading }: Define) {
  return {
    droppedMessagesTotal: counter({
      name: "pogo_websocket_broker_dropped_messages_total",
      help: "Publishes that the broker did not take, and client events that it could not relay, by reason.",
      unit: "messages",
      moves:
        "With each publish answered 503, and with each client event that did not reach the other nodes.",
      action: "Look at Redis; if it is well, raise POGO_BROKER_QUEUE_SIZE.",
      labels: { app_id: app, reason: dropReasons },
    }),
    ignoredMessagesTotal: counter({
      name: "pogo_broker_ignored_messages_total",
      help: "Messages in Redis that this version can't read, by reason.",
      unit: "messages",
      moves: "With each message on a channel of this app that is not an envelope of this version.",
      action: "Give each environment its own POGO_REDIS_PREFIX, and finish rollouts.",
      labels: { reason: envelopeFaults },
    }),
    replayedMessagesTotal: counter({
      name: "pogo_broker_replayed_messages_total",
      help: "Messages read from Redis' log after this node was cut off, those that it had already included.",
      unit: "messages",
      moves: "After each cut of the link to Redis.",
      action: "Nothing: no event was lost. Often means that the link to Redis is unsteady.",
      labels: { app_id: app },
    }),
    gapsTotal: counter({
      name: "pogo_broker_gaps_total",
      help: "Cuts that were longer than Redis' log reaches back: events may be missing.",
      unit: "cuts",
      moves: "After a cut, when the log does not reach back to what this node read last.",
      action: "Clients may have missed events. Look at why Redis was away, or was emptied.",
      labels: { app_id: app },
    }),
    nodeTakeoversTotal: counter({
      name: "pogo_node_takeovers_total",
      help: "Nodes that were silent for longer than their lease, and whose members this node removed.",
      unit: "nodes",
      moves: "When a node died without saying so, or was cut off from Redis.",
      action: "Look at the node that the log names: killed, out of memory, or without a network?",
      labels: { app_id: app },
    }),
    up: reading({
      name: "pogo_broker_up",
      help: "1 while Redis is connected and has all presence and subscriptions of this node.",
      overWorkers: "min",
      unit: "0 or 1",
      moves: "Read at each scrape. Not there without Redis.",
      action: "Alert on 0: publishing answers 503 meanwhile.",
    }),
    broadcastsUp: reading({
      name: "pogo_redis_broadcasts_up",
      help: "1 while this node is subscribed to what Laravel's redis driver publishes.",
      overWorkers: "min",
      unit: "0 or 1",
      moves: "Read at each scrape. Not there without POGO_REDIS_BROADCASTS.",
      action: "Alert on 0: what Laravel broadcasts meanwhile does not reach this node's clients.",
    }),
    clusterNodes: reading({
      name: "pogo_cluster_nodes",
      help: "Nodes that this one sees alive, itself included; 0 while Redis is lost.",
      overWorkers: "max",
      unit: "nodes",
      moves: "Read at each scrape. Not there without Redis.",
      action: "Compare it with the number of replicas.",
    }),
  };
}
