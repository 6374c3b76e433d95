/** Metrics of the original without a counterpart here, and what replaces them. */

export const withoutCounterpart = {
  pogo_websocket_subscriptions_total:
    "`pogo_websocket_subscriptions_active`: how many there are, where the original counted those that ever began.",
  pogo_websocket_control_queue_dropped_total:
    "No queue stands between a connection and its channels: a subscribe is handled where it arrives.",
  pogo_websocket_broker_to_hub_delay_seconds:
    '`pogo_websocket_publish_duration_seconds{phase="broker"}`: on one node nothing is in between, and the clocks of several can\'t be compared.',
  pogo_websocket_hub_to_shard_delay_seconds:
    "One event loop serves all connections: there are no shards.",
  pogo_websocket_write_total_duration_seconds:
    "`pogo_websocket_write_duration_seconds`: no deadline has to be set before a write.",
} as const;
