/** One connection's place in the outbox, and what the outbox asks about several of them. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SidecarEvent } from "../core/report.ts";
import type { FrameKind } from "../core/report/websocket.ts";
import type { Traffic } from "../core/transport.ts";
import type { Backlog } from "./backlog.ts";
import type { Pending } from "./pending.ts";

export interface OutboundQueue {
  readonly socket: Duplex;
  readonly client: QueueClient;
  /** What is reported of a frame that it does not get: the same objects for all connections of an app. */
  readonly drops: Drops;
  /** Of the frame that was queued last. */
  kind: FrameKind;
  pending: Pending | null;
  /** Null while the client takes everything at once. */
  backlog: Backlog | null;
  /** Frames are being dropped since it was full. */
  isFull: boolean;
  /** Frames that it did not get. */
  dropped: number;
}

/** The connection that a queue belongs to. */
export interface QueueClient {
  /** Null for a client of an unknown app. */
  readonly appId: string | null;
  /** Whose it is (`visitorOf`). */
  readonly visitor: string;
  /** The client has taken something: there is room again. */
  onTaken(): void;
  /** It has been full for too long. */
  onTooSlow(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

export type Drops = Readonly<Record<FrameKind, SidecarEvent<"frame_dropped">>>;

export function createDrops(appId: string | null): Drops {
  const dropped = { kind: "frame_dropped", appId, reason: "queue_full" } as const;
  return {
    prepared: { ...dropped, frame: "prepared" },
    bytes: { ...dropped, frame: "bytes" },
    ping: { ...dropped, frame: "ping" },
  };
}

export function createQueue(socket: Duplex, client: QueueClient, drops: Drops): OutboundQueue {
  const state = { pending: null, backlog: null, isFull: false, dropped: 0 };
  return { socket, client, drops, kind: "bytes", ...state };
}

/** Bytes on their way to the client that it has not taken yet. */
export function countQueuedBytes({ backlog, pending }: OutboundQueue): number {
  return (backlog?.bytes ?? 0) + (pending?.length ?? 0);
}

/** So far, and now. */
export function trafficOf(queue: OutboundQueue): Traffic {
  const { socket, dropped } = queue;
  const { bytesWritten, bytesRead } = socket instanceof Socket ? socket : unknownBytes;
  return {
    sentBytes: bytesWritten,
    receivedBytes: bytesRead,
    queuedBytes: countQueuedBytes(queue),
    droppedFrames: dropped,
  };
}

const unknownBytes = { bytesWritten: 0, bytesRead: 0 };

/** Those of the visitor that holds the most come first, and of these the fullest. */
export function fullestFirst(queues: Iterable<OutboundQueue>): OutboundQueue[] {
  const ofVisitor = new Map<string, number>();
  const all = [...queues].map((queue) => ({ queue, bytes: countQueuedBytes(queue) }));
  for (const { queue, bytes } of all) {
    const { visitor } = queue.client;
    ofVisitor.set(visitor, (ofVisitor.get(visitor) ?? 0) + bytes);
  }
  const sum = ({ queue }: (typeof all)[number]): number => ofVisitor.get(queue.client.visitor) ?? 0;
  return all
    .toSorted((one, other) => sum(other) - sum(one) || other.bytes - one.bytes)
    .map(({ queue }) => queue);
}
